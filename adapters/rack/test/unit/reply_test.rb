# frozen_string_literal: true

require "tempfile"
require_relative "../helper"

class ReplyTest < Minitest::Test
  include Serving

  def test_an_array_leaves_whole_with_its_length
    reply = reply_of([200, { "Content-Type" => "text/plain" }, %w[hello\  world]])

    assert_equal "hello world", reply.body
    assert_equal "11", reply["content-length"]
    assert_equal [:whole], reply.steps
  end

  def test_the_length_counts_bytes_of_any_encoding
    reply = reply_of([200, {}, ["é", "\xFF".b, nil]])

    assert_equal "3", reply["content-length"]
    assert_equal "é\xFF".b, reply.body
  end

  def test_a_big_array_is_not_copied_together
    parts = ["x" * 50_000, "y" * 50_000]
    reply = reply_of([200, {}, parts])

    assert_equal parts, reply.pieces
    assert_equal "100000", reply["content-length"]
    assert_equal %i[start write write finish], reply.steps
  end

  def test_an_apps_own_content_length_stands
    reply = reply_of([200, { "Content-Length" => "5" }, ["hello"]])

    assert_equal [%w[Content-Length 5]], reply.fields
    assert_equal 5, reply.length
  end

  def test_each_piece_leaves_before_the_next_is_asked_for
    request = FakeRequest.new
    seen = []
    body = Enumerator.new do |pieces|
      seen << request.reply.pieces.dup
      pieces << "a"
      seen << request.reply.pieces.dup
      pieces << "" << nil << "b"
      seen << request.reply.pieces.dup
    end
    reply_of([200, {}, body], request)

    assert_equal [[], ["a"], %w[a b]], seen
    assert_nil request.reply["content-length"]
  end

  def test_an_enumerable_without_pieces_is_an_empty_reply
    reply = reply_of([200, {}, [].each])

    assert_equal "0", reply["content-length"]
    assert_equal [:whole], reply.steps
  end

  def test_each_wins_over_call
    body = Object.new
    def body.each = yield("each")
    def body.call(_stream) = raise("called")

    assert_equal "each", reply_of([200, {}, body]).body
  end

  def test_a_file_is_sent_with_its_length
    Tempfile.create("page") do |file|
      file.write("z" * 300_000)
      file.flush
      body = WatchedBody.new(["wrong"])
      body.define_singleton_method(:to_path) { file.path }
      reply = reply_of([200, {}, body])

      assert_equal "z" * 300_000, reply.body
      assert_equal "300000", reply["content-length"]
      assert_equal 1, body.closed
    end
  end

  def test_a_file_that_is_not_there_falls_back_to_each
    body = WatchedBody.new(["text"])
    body.define_singleton_method(:to_path) { "/does/not/exist" }

    assert_equal "text", reply_of([200, {}, body]).body
  end

  def test_to_ary_closes_the_body_under_rack_3_only
    body = WatchedBody.new(["each"])
    body.define_singleton_method(:to_ary) { close && ["array"] }
    reply = reply_of([200, {}, body], rules: RACK3)
    assert_equal ["array", "5", 1], [reply.body, reply["content-length"], body.closed]

    body = WatchedBody.new(["each"])
    body.define_singleton_method(:to_ary) { raise "not under Rack 2" }
    assert_equal "each", reply_of([200, {}, body], rules: RACK2).body
    assert_equal 1, body.closed
  end

  def test_a_wrapped_array_of_rack_2_leaves_whole_and_is_closed_afterwards
    return unless Swiftiply::Rack::Rules.current.rack2?

    steps = nil
    request = FakeRequest.new
    wrapped = Rack::BodyProxy.new(Rack::BodyProxy.new(%w[a b]) { nil }) { steps = request.reply.steps.dup }
    reply = reply_of([200, {}, wrapped], request, rules: RACK2)

    assert_equal ["ab", "2", %i[hold whole]], [reply.body, reply["content-length"], steps]
  end

  def test_what_else_is_wrapped_streams
    wrapped = Rack::BodyProxy.new(WatchedBody.new(%w[a b])) { nil }

    assert_equal %i[hold start write write finish release], reply_of([200, {}, wrapped], rules: RACK2).steps
  end

  def test_a_status_may_be_a_string
    assert_equal 404, reply_of(["404", {}, []]).status
  end

  def test_a_status_that_is_none_is_an_error_page
    [nil, -1, 99, 103, 600, "abc"].each { |status| assert_equal 500, reply_of([status, {}, []]).status, status.inspect }
  end

  def test_header_values_may_be_strings_arrays_and_numbers
    reply = reply_of([200, { "Set-Cookie" => %w[a=1 b=2], "X-Number" => 7, "X-None" => nil, "x-list" => [nil, "v"] }, []])

    assert_equal [%w[Set-Cookie a=1], %w[Set-Cookie b=2], %w[X-Number 7], %w[x-list v], %w[content-length 0]], reply.fields
  end

  def test_newlines_separate_header_lines_under_rack_2_and_are_refused_under_rack_3
    headers = { "Set-Cookie" => "a=1\nb=2" }

    assert_equal %w[a=1 b=2], reply_of([200, headers, []], rules: RACK2)["set-cookie"]
    assert_equal 500, reply_of([200, headers, []], rules: RACK3).status
  end

  def test_a_carriage_return_in_a_header_is_an_error_under_both
    [RACK2, RACK3].each do |rules|
      assert_equal 500, reply_of([200, { "X" => "a\r\nSet-Cookie: evil" }, []], rules: rules).status
    end
  end

  def test_what_is_meant_for_the_server_stays_here
    reply = reply_of([200, { "status" => "200", "rack.anything" => "x", "X-Kept" => "1" }, ["x"]])

    assert_equal [%w[X-Kept 1], %w[content-length 1]], reply.fields
  end

  def test_a_content_length_that_is_no_number_is_an_error_page
    ["abc", "-1", "+5", "5 5", ""].each { |value| assert_equal 500, reply_of([200, { "Content-Length" => value }, []]).status }
  end

  def test_head_keeps_the_length_and_has_no_body
    body = WatchedBody.new([RuntimeError.new("asked")])
    reply = reply_of([200, { "Content-Length" => "10" }, body], FakeRequest.new("HEAD"))

    assert_equal ["", "10", 1], [reply.body, reply["content-length"], body.closed]
    assert_equal "5", reply_of([200, {}, ["hello"]], FakeRequest.new("HEAD"))["content-length"]
  end

  def test_204_and_304_have_no_body_and_no_computed_length
    [204, 304].each do |status|
      body = WatchedBody.new(["text"])
      reply = reply_of([status, {}, body])
      assert_equal ["", nil, 1], [reply.body, reply["content-length"], body.closed], status
      assert_nil reply_of([status, {}, ["text"]])["content-length"]
    end
    assert_nil reply_of([204, { "Content-Length" => "0" }, []])["content-length"]
    assert_equal "9", reply_of([304, { "Content-Length" => "9" }, []])["content-length"]
  end

  def test_an_apps_own_chunked_coding_is_taken_off
    chunked = ["5\r\nhel", "lo\r\n", "6;x=y\r\n world\r", "\n0\r\n", "Trailer: x\r\n\r\n"]
    reply = reply_of([200, { "Transfer-Encoding" => "chunked", "Content-Length" => "99" }, chunked.each])

    assert_equal "hello world", reply.body
    assert_empty reply.fields
    assert_equal [:finish, nil], [reply.steps.last, reply.aborted]
  end

  def test_a_chunked_coding_that_breaks_off_cuts_the_reply
    reply = reply_of([200, { "transfer-encoding" => "chunked" }, ["5\r\nhello\r\n"].each])

    assert_equal ["hello", :abort], [reply.body, reply.steps.last]
    assert_equal 500, reply_of([200, { "transfer-encoding" => "chunked" }, ["plain text\n\n"].each]).status
  end

  def test_a_body_that_is_none_is_an_error_page
    assert_equal 500, reply_of([200, {}, Object.new]).status
    assert_equal 500, reply_of([200, {}, nil]).status
  end

  def test_a_frozen_answer_is_as_good
    assert_equal "x", reply_of([200, { "X" => "1" }.freeze, ["x"].freeze].freeze).body
  end

  def test_headers_may_be_pairs_or_nothing
    assert_equal "1", reply_of([200, [%w[X 1]], []])["x"]
    assert_equal 200, reply_of([200, nil, []]).status
  end
end
