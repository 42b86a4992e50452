# frozen_string_literal: true

require_relative "../helper"

# Rack::Lint stands between server and app and checks both directions: the environment that we make, what the app does
# with it, and that we treat its answer as the specification says. It raises at the first breach, which would be a 500.
class LintTest < Minitest::Test
  include Serving

  TEXT = { "content-type" => "text/plain" }.freeze

  def linted(request = FakeRequest.new, **options, &app)
    reply = serve(Rack::Lint.new(app), request, **options).reply
    refute_match(/ERROR/, @log.string)
    assert_nil reply.aborted
    reply
  end

  def test_a_plain_page
    assert_equal "hello", linted { [200, TEXT.dup, ["hello"]] }.body
  end

  def test_every_kind_of_request
    requests = [
      FakeRequest.new("HEAD"), FakeRequest.new("DELETE", "/a"), FakeRequest.new("PURGE", "/a", query: ""),
      FakeRequest.new("GET", "/", authority: "[::1]:80"), FakeRequest.new(authority: "", version: "HTTP/1.0"),
      FakeRequest.new(scheme: "https"), FakeRequest.new(peer: nil, local: nil),
      FakeRequest.new(headers: [["X-Latin", "j\xF6rg".b], %w[Accept a], %w[Accept b]]),
      FakeRequest.new("POST", body: "", headers: [%w[Content-Type text/plain]]),
    ]
    requests.each { |request| assert_equal 200, linted(request) { |_env| [200, TEXT.dup, ["x"]] }.status }
  end

  def test_options_for_the_whole_server
    assert_equal 204, linted(FakeRequest.new("OPTIONS", "*")) { [204, {}, []] }.status
  end

  def test_every_way_to_read_the_body
    request = FakeRequest.new("POST", body: ["one\ntwo\n", "three\nfour"], length: nil)
    reply = linted(request) do |env|
      input = env["rack.input"]
      lines = [input.gets, input.read(2), input.read(3, +"")]
      input.each { |line| lines << line }
      [200, TEXT.dup, [lines.join("|")]]
    end

    assert_equal "one\n|tw|o\nt|hree\n|four", reply.body
  end

  def test_reading_where_there_is_nothing
    reply = linted do |env|
      input = env["rack.input"]
      [200, TEXT.dup, [[input.read, input.read(1), input.gets].inspect]]
    end

    assert_equal '["", nil, nil]', reply.body
  end

  def test_rewinding_where_rack_demands_it
    return refute_respond_to(env_of(FakeRequest.new("POST", body: "x"))["rack.input"], :rewind) unless rack2?

    reply = linted(FakeRequest.new("POST", body: "abc")) do |env|
      first = env["rack.input"].read(2)
      env["rack.input"].rewind
      [200, TEXT.dup, [first, env["rack.input"].read]]
    end
    assert_equal "ababc", reply.body
  end

  def test_the_error_stream
    linted do |env|
      env["rack.errors"].puts("one")
      env["rack.errors"].write("two")
      env["rack.errors"].flush
      [200, TEXT.dup, []]
    end

    assert_match(/one\ntwo/, @log.string)
  end

  def test_enumerable_bodies
    assert_equal "abc", linted { [200, TEXT.dup, %w[a b c].each] }.body
    assert_equal "ab", linted { [200, TEXT.merge("content-length" => "2"), %w[a b].each] }.body
    assert_equal "", linted { [204, {}, []] }.body
    assert_equal "", linted(FakeRequest.new("HEAD")) { [200, TEXT.dup, []] }.body
  end

  def test_a_partial_hijack
    reply = linted do
      hijack = lambda do |stream|
        stream.write("hijacked")
        stream.flush
        stream.close
      end
      [200, TEXT.merge("rack.hijack" => hijack), []]
    end

    assert_equal ["hijacked", true], [reply.body, reply.ended?]
  end

  def test_a_streaming_body
    return assert(rack2?) if rack2? # Rack 2 has none.

    reply = linted(FakeRequest.new("POST", body: "abc")) do
      [200, TEXT.dup, lambda { |stream|
        stream << stream.read(1)
        stream.write(stream.read)
        stream.close
      }]
    end
    assert_equal "abc", reply.body
  end

  def test_early_hints_and_callbacks
    done = nil
    reply = linted do |env|
      env["rack.early_hints"].call({ "link" => "</a>; rel=preload" })
      env["rack.response_finished"] << ->(_env, status, _headers, _error) { done = status }
      [200, TEXT.dup, []]
    end

    assert_equal [200, 1], [done, reply.informed.size]
  end

  def rack2?
    Swiftiply::Rack::Rules.current.rack2?
  end
end
