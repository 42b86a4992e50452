# frozen_string_literal: true

require "digest"
require "json"
require_relative "serving_system"

# The command behind the real proxy, seen by a client.
class ServingTest < Minitest::Test
  include ServingSystem

  def setup
    super
    start_proxy
    @backend = start_backend("kinds.ru", "-t", "4")
  end

  # Parts of a reply; a String names a header.
  def seen(reply, *parts)
    parts.map { |part| part.is_a?(String) ? reply[part] : reply.public_send(part) }
  end

  def test_a_page
    reply = get

    assert_equal [200, "Hello, world!", "13"], [reply.status, reply.body, reply["content-length"]]
    assert_equal [200, "Hello, world!"], seen(get("/linted"), :status, :body)
  end

  def test_the_environment_tells_where_a_request_came_from
    env = JSON.parse(get("/env?a=1&b=%20", headers: { "X-Twice" => "1", "x-twice" => "2", "Cookie" => "a=1" }).body)

    assert_equal ["GET", "/env", "a=1&b=%20", "/env?a=1&b=%20"],
                 env.values_at("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "REQUEST_URI")
    assert_equal ["127.0.0.1", "app.test", "80", "app.test", "HTTP/1.1", "http"],
                 env.values_at("REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT", "HTTP_HOST", "SERVER_PROTOCOL", "rack.url_scheme")
    assert_equal ["1, 2", "a=1", nil], env.values_at("HTTP_X_TWICE", "HTTP_COOKIE", "CONTENT_LENGTH")
  end

  def test_many_requests_on_one_connection
    Client.open(@port) do |client|
      50.times { |number| assert_equal number.to_s, client.request("POST", "/echo", body: number.to_s).body }
    end
  end

  def test_a_big_upload_arrives_whole_and_is_not_kept_in_memory
    piece = Random.bytes(1 << 20)
    before = Integer(get("/memory").body)
    digest = Digest::SHA256.new
    reply = Client.open(@port) do |client|
      client.write("POST /digest HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n")
      256.times do
        client.write("#{piece.bytesize.to_s(16)}\r\n#{piece}\r\n")
        digest << piece
      end
      client.write("0\r\n\r\n")
      client.reply
    end

    assert_equal digest.hexdigest, reply.body
    assert_operator Integer(get("/memory").body) - before, :<, 128 * 1024, "kB more after 256 MiB"
  end

  def test_a_big_reply_streams_in_little_memory
    before = Integer(get("/memory").body)
    reply = get("/big?1024")

    assert_equal [64 << 20, true], [reply.body.bytesize, reply.whole]
    assert_operator Integer(get("/memory").body) - before, :<, 32 * 1024, "kB more after 64 MiB"
  end

  def test_each_piece_of_a_reply_arrives_before_the_next_is_made
    streaming do |client, pipe|
      pipe.write("two\n")
      assert_equal "two\n", client.chunk
      pipe.close
      assert_nil client.chunk
    end
  end

  def test_a_reply_without_a_body
    assert_equal [204, nil, ""], seen(get("/nothing"), :status, "content-length", :body)
    assert_equal [304, "9", ""], seen(get("/unchanged"), :status, "content-length", :body)
    head = Client.open(@port) { |client| client.request("HEAD", "/") }
    assert_equal [200, "13", ""], seen(head, :status, "content-length", :body)
  end

  def test_an_exception_is_a_500_and_in_the_log_and_the_next_request_is_served
    assert_equal 500, get("/raise").status
    @backend.wait_for(%r{the app failed on GET /raise.*an exception of the app})
    assert_equal 200, get.status
  end

  def test_a_reply_that_breaks_off_is_cut_and_its_body_closed
    reply = get("/broken")

    assert_equal ["one", false, "1"], [reply.body, reply.whole, get("/closings").body]
  end

  def test_a_reply_that_is_too_short_is_cut_and_one_that_is_too_long_ends_where_it_said
    assert_equal ["short", false], seen(get("/short"), :body, :whole)
    assert_equal ["long", true], seen(get("/long"), :body, :whole)
    @backend.wait_for(/BodyTooLong/)
  end

  def test_headers_that_an_app_must_not_set
    assert_equal 500, get("/inject").status
    headers = get("/connection").headers
    assert_equal [nil, nil, "1"], [headers["x-mine"][0], headers["keep-alive"][0], headers["x-kept"][0]]
  end

  def test_early_hints_come_first
    Client.open(@port) do |client|
      hints = client.request("GET", "/hints")
      assert_equal [103, "</style.css>; rel=preload"], [hints.status, hints["link"]]
      assert_equal "hinted", client.reply.body
    end
  end

  def test_a_partial_hijack
    assert_equal ["taken", true], seen(get("/hijack"), :body, :whole)
  end

  def test_a_timeout_ends_a_wait_for_the_body
    Client.open(@port) do |client|
      client.write("POST /timeout HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
      assert_equal [100, 500], [client.reply.status, client.reply.status]
    end
    @backend.wait_for(/Timeout::Error/)
    assert_equal 200, get.status
  end

  def test_a_fork_cannot_use_its_parents_connector
    assert_match(/\ASwiftiply::Forked: .*fork/, get("/forked").body)
    assert_equal 200, get.status
  end

  def test_a_client_that_leaves_ends_the_reply_and_is_no_error_of_the_app
    Client.open(@port) do |client|
      client.write("GET /endless HTTP/1.1\r\nHost: app.test\r\n\r\n")
      client.head
      client.chunk
    end

    @backend.wait_for(/the endless body is closed/)
    refute_match(/ERROR/, @backend.output)
  end

  def test_a_client_that_does_not_read_holds_up_nobody_else
    stalled = Client.new(@port)
    stalled.write("GET /endless HTTP/1.1\r\nHost: app.test\r\n\r\n")
    stalled.head
    20.times { assert_equal 200, get.status }
  ensure
    stalled.close
  end

  def test_an_upload_that_breaks_off_is_no_error_of_the_app
    backend = start_backend("kinds.ru", "--log-level", "debug")
    @backend.signal("TERM")
    @backend.wait
    Client.open(@port) do |client|
      client.write("POST /digest HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
      # The app reads: only then does the client leave.
      assert_equal 100, client.reply.status
      client.write("3\r\nabc\r\n")
    end

    backend.wait_for(%r{DEBUG: POST /digest: })
    assert_equal 200, get.status
    refute_match(/ERROR/, backend.output)
  end
end
