# frozen_string_literal: true

require_relative "serving_system"
require "swiftiply/rack/exchange"

# The compiled library itself, in this process.
#
# It makes the variables of a request in one pass; the same in Ruby is what people read: the two must agree.
class BindingTest < Minitest::Test
  include ServingSystem

  def setup
    super
    Library.load
    start_proxy
    @connector = Swiftiply::Connector.new(connect: ["unix:#{@folder}/link"], slots: 1, adapter: "test")
  end

  def teardown
    @connector&.stop
    super
  end

  # Both readings of a request that travels as these bytes.
  def readings(bytes, template)
    Client.open(@port) do |client|
      client.write(bytes)
      request = @connector.take
      native = request.environment(template)
      request.reply.send_whole(200, [], "")
      client.reply
      return [Swiftiply::Rack::Variables.environment(template, request), native]
    end
  end

  # What the server says by itself, and may be the same object in every environment.
  WORDS = %w[SERVER_PROTOCOL HTTP_VERSION rack.url_scheme SERVER_PORT].freeze

  CONSTANT = { "rack.hijack?" => true }.freeze

  REQUESTS = [
    "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
    "GET /a%20b?q=%C3%A9&r HTTP/1.1\r\nhost: app.test:8080\r\nAccept: a\r\nX-Latin: j\xF6rg\r\n\r\n",
    "GET /? HTTP/1.1\r\nHost: [::1]:80\r\nCookie: a=1\r\ncookie: b=2\r\naccept: a\r\nACCEPT: b\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]\r\n\r\n",
    "PURGE /x HTTP/1.1\r\nHost: app.test:\r\nX-Own: 1\r\nVersion: 9\r\nx-own: 2\r\nX-Other: 3\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc",
    "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "GET http://other.test/path?x HTTP/1.1\r\nHost: app.test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: app.test\r\n#{(1..60).map { |number| "X-Header-#{number}: #{number}\r\n" }.join}\r\n",
  ].map(&:b).freeze

  def test_both_readings_agree
    REQUESTS.product([[], %w[HTTP_VERSION rack.early_hints]]) do |bytes, without|
      template = Swiftiply::Rack::Variables.template(CONSTANT, without: without)
      plain, native = readings(bytes, template)

      assert_equal plain.sort_by(&:first), native.sort_by(&:first), bytes.lines.first
      assert(native.each_key.all?(&:frozen?))
      native.select { |_, value| value.is_a?(String) }.each do |key, value|
        assert_equal Encoding::BINARY, value.encoding, key
        refute value.frozen? && !WORDS.include?(key), key
      end
    end
  end

  def test_no_two_environments_share_what_can_be_changed
    template = Swiftiply::Rack::Variables.template(CONSTANT)
    _, first = readings(REQUESTS.first, template)
    first.each_value { |value| value << "x" if (value.is_a?(String) || value.is_a?(Array)) && !value.frozen? }
    first["app.own"] = true
    plain, second = readings(REQUESTS.first, template)

    assert_equal plain, second
  end

  def test_the_garbage_collector_may_come_at_any_moment
    template = Swiftiply::Rack::Variables.template(CONSTANT)
    compacts = GC.auto_compact
    reply, (plain, native, given) = reply_to("GET") do |request|
      GC.auto_compact = GC.stress = true
      native = request.environment(template)
      given = request.answer(200, { "x-a" => %w[1 2], "x-b" => "3" }, %w[a b], RACK_HEADERS)
      GC.stress = false
      [Swiftiply::Rack::Variables.environment(template, request), native, given]
    end

    assert_equal plain.sort_by(&:first), native.sort_by(&:first)
    assert_equal [true, "ab", %w[1 2], "3"], [given, reply.body, reply.headers["x-a"], reply["x-b"]]
  ensure
    GC.stress = false
    GC.auto_compact = compacts
  end

  # What a client receives, and what the block gave.
  def reply_to(method)
    Client.open(@port) do |client|
      client.write("#{method} / HTTP/1.1\r\nHost: app.test\r\n\r\n")
      request = @connector.take
      given = yield request
      request.reply.send_whole(200, [], "") unless request.reply.ended?
      reply = client.reply(head_only: method == "HEAD")
      reply.headers.delete("date")
      return [reply, given]
    end
  end

  RACK_HEADERS = Swiftiply::Rack::Service.rack_headers

  PLAIN = [
    [200, RACK_HEADERS[{ "X-One" => "1" }], ["x"]],
    [200, {}, []], [404, {}, ["no"]], [200, {}, ["one ", "", "two"]], [599, { "X-A" => "1" }, ["é", "\xFF".b]],
    [200, { "Content-Type" => "text/plain", "content-length" => "3" }.freeze, ["abc"].freeze],
    [200, { "Set-Cookie" => %w[a=1 b=2], "x-empty" => "", "x-none" => [] }, ["x" * 400_000]],
    [200, { "Connection" => "close, x-own", "x-own" => "1" }, ["y" * 60_000, "z"]],
  ].freeze

  def test_a_plain_reply_is_what_the_adapter_makes_of_it
    writer = Swiftiply::Rack::ReplyWriter.new(Swiftiply::Rack::Rules.current)
    PLAIN.each do |status, headers, body|
      plain, given = reply_to("GET") { |request| request.answer(status, headers, body, RACK_HEADERS) }
      written, = reply_to("GET") do |request|
        head = Swiftiply::Rack::ReplyHead.new(status, headers, Swiftiply::Rack::Rules.current)
        writer.write(head, body, request, request.reply, nil)
      end

      assert_equal [true, written], [given, plain], headers
    end
  end

  UNUSUAL = [
    [100, {}, []], [204, {}, []], [304, {}, []], [600, {}, []], ["200", {}, ["x"]], [nil, {}, ["x"]],
    [200, nil, ["x"]], [200, [%w[a b]], ["x"]], [200, Class.new(Hash).new, ["x"]], [200, { a: "b" }, ["x"]],
    [200, { "a" => nil }, ["x"]], [200, { "a" => 1 }, ["x"]], [200, { "a" => ["b", 1] }, ["x"]],
    [200, { "a" => "b\nc" }, ["x"]], [200, { "a b" => "c" }, ["x"]], [200, { "content-length" => "x" }, ["x"]],
    [200, { "rack.hijack" => "x" }, ["x"]], [200, { "Rack.own" => "x" }, ["x"]], [200, { "Status" => "200" }, ["x"]],
    [200, { "Transfer-Encoding" => "chunked" }, ["0\r\n\r\n"]], [200, {}, "x"], [200, {}, nil], [200, {}, [nil]],
    [200, {}, ["x", 1]], [200, {}, ["x" * 40_000, "y" * 40_000]], [200, {}, Class.new(Array).new(["x"])],
    [200, {}, ["x"].tap { |body| def body.close; end }],
  ].freeze

  def test_what_is_unusual_is_left_to_the_adapter
    UNUSUAL.each do |answer|
      reply, given = reply_to("GET") { |request| request.answer(*answer, RACK_HEADERS) }
      assert_equal [false, 200, ""], [given, reply.status, reply.body], answer.inspect[0, 100]
    end
    _, given = reply_to("HEAD") { |request| request.answer(200, {}, ["x"], RACK_HEADERS) }
    refute given
  end

  def test_a_plain_reply_of_the_wrong_length_is_an_error
    { "2" => Swiftiply::BodyTooShort, "0" => Swiftiply::BodyTooLong }.each do |length, error|
      reply_to("GET") do |request|
        assert_raises(error) { request.answer(200, { "content-length" => length }, ["x"], RACK_HEADERS) }
      end
    end
  end

  def test_a_child_knows_that_it_is_one
    reader, writer = IO.pipe
    child = fork do
      writer.write(@connector.status[:ended] ? "ended" : "lives")
      exit!(0)
    end
    writer.close
    _, status = Process.wait2(child)

    assert_equal ["ended", 0, false], [reader.read, status.exitstatus, @connector.status[:ended]]
  end

  def test_a_killed_thread_leaves_its_wait_and_takes_no_request_with_it
    waiting = Thread.new { @connector.take }
    Thread.pass until waiting.status == "sleep"
    waiting.kill

    assert waiting.join(10), "it does not end"
    template = Swiftiply::Rack::Variables.template(CONSTANT)
    assert_equal "/", readings(REQUESTS.first, template).first["PATH_INFO"]
  end

  def test_a_signal_is_handled_while_all_threads_wait
    handled = Queue.new
    before = trap("USR2") { handled << true }
    waiting = Thread.new { @connector.take }
    Thread.pass until waiting.status == "sleep"
    Process.kill("USR2", Process.pid)

    assert handled.pop
  ensure
    trap("USR2", before || "DEFAULT")
    waiting.kill
  end

  def test_a_connector_that_stops_ends_every_wait
    waiting = Array.new(3) { Thread.new { @connector.take } } << Thread.new { true while @connector.next_notice }
    @connector.stop

    assert_equal [nil, nil, nil, nil], waiting.map(&:value)
  end

  def test_its_threads_do_not_hold_up_the_others
    count = 0
    waiting = Thread.new { @connector.take }
    Thread.pass until waiting.status == "sleep"
    Thread.new { 1000.times { count += 1 } }.join

    assert_equal 1000, count
  ensure
    waiting.kill
  end

  def test_a_wrong_option_is_a_configuration_error
    [{ connect: ["nowhere"], slots: 1 }, { connect: [], slots: 1 }, { connect: ["1"], slots: 0 },
     { connect: ["1"], slots: 70_000 }, { connect: ["1"], slots: 1, key: "" },
     { connect: ["1"], slots: 1, key_file: "/none" }].each do |options|
      assert_raises(Swiftiply::ConfigurationError, options.inspect) { Swiftiply::Connector.new(**options) }
    end
    assert_raises(ArgumentError) { Swiftiply::Connector.new(slots: 1) }
  end
end
