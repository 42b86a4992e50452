# frozen_string_literal: true

require_relative "serving_system"
require "swiftiply/rack/variables"

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
  def readings(bytes)
    Client.open(@port) do |client|
      client.write(bytes)
      request = @connector.take
      native = {}
      request.fill_env(native, true)
      request.reply.send_whole(200, [], "")
      client.reply
      return [Swiftiply::Rack::Variables.fill({}, request, true), native]
    end
  end

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
    REQUESTS.each do |bytes|
      plain, native = readings(bytes)

      assert_equal plain.sort, native.sort, bytes.lines.first
      native.each do |key, value|
        assert_equal [true, false, Encoding::BINARY], [key.frozen?, value.frozen?, value.encoding], key
      end
    end
  end

  def test_a_killed_thread_leaves_its_wait_and_takes_no_request_with_it
    waiting = Thread.new { @connector.take }
    Thread.pass until waiting.status == "sleep"
    waiting.kill

    assert waiting.join(10), "it does not end"
    assert_equal "/", readings("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n").first["PATH_INFO"]
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
