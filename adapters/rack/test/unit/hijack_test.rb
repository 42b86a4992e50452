# frozen_string_literal: true

require_relative "../helper"

class HijackTest < Minitest::Test
  include Serving

  def offering(tunnels: 1)
    request = FakeRequest.new
    request.tunnels = tunnels
    request
  end

  def test_the_app_gets_a_socket_whose_other_end_is_the_clients
    io = nil
    request = serve(lambda do |env|
      assert env["rack.hijack?"]
      io = env["rack.hijack"].call
      assert_same io, env["rack.hijack"].call
      assert_same io, env["rack.hijack_io"]
      io.write("HTTP/1.1 101 Switching Protocols\r\n\r\n")
      [-1, {}, []]
    end, offering)

    assert_kind_of UNIXSocket, io
    assert_equal [:raw, %i[hold release]], [request.handed_over, request.reply.steps], "what the app returned says nothing"
    assert_equal "HTTP/1.1 101 Switching Protocols\r\n\r\n", request.client.readpartial(100)
    request.client.write("ping")
    assert_equal "ping", io.readpartial(100)
    assert_equal :wait_readable, io.read_nonblock(1, exception: false)
  end

  def test_the_body_of_what_says_nothing_is_closed_all_the_same
    body = WatchedBody.new([])
    serve(->(env) { env["rack.hijack"].call && [-1, {}, body] }, offering)

    assert_equal 1, body.closed
  end

  def test_an_app_that_does_not_take_it_replies_as_ever
    request = serve(->(_env) { [404, {}, ["no such channel"]] }, offering)

    assert_equal [404, "no such channel", nil], [request.reply.status, request.reply.body, request.handed_over]
  end

  def test_without_a_tunnel_the_app_is_not_called
    request = serve(->(_env) { flunk "called" }, offering(tunnels: 0))

    assert_equal [503, "5"], [request.reply.status, request.reply["retry-after"]]
    assert_match(/--tunnels/, @log.string)
  end

  def test_an_exception_after_it_was_taken_cuts_the_connection
    request = serve(->(env) { env["rack.hijack"].call && raise("too late") }, offering)

    assert_equal %i[hold abort release], request.reply.steps
    assert_match(/too late/, @log.string)
  end

  def test_a_101_with_a_rack_hijack_header_gives_the_tunnel_behind_it
    io = nil
    headers = { "upgrade" => "websocket", "rack.hijack" => ->(taken) { io = taken } }
    request = serve(->(_env) { [101, headers, []] }, offering)

    assert_equal [101, :behind_head], [request.reply.status, request.handed_over]
    assert_equal %i[hold start flush release], request.reply.steps
    io.write("first")
    assert_equal "first", request.client.readpartial(100)
  end

  def test_a_101_with_a_body_to_call_gives_it_too
    request = serve(->(_env) { [101, { "upgrade" => "x" }, ->(io) { io.write("streamed") && io.close }] }, offering)

    assert_equal "streamed", request.client.read
  end

  def test_a_101_without_either_is_a_500
    assert_equal 500, serve(->(_env) { [101, {}, ["x"]] }, offering).reply.status
  end
end
