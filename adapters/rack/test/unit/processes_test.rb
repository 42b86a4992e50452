# frozen_string_literal: true

require_relative "../helper"
require "swiftiply/rack/backoff"
require "swiftiply/rack/events"
require "swiftiply/rack/threads"
require "swiftiply/rack/handler"

class BackoffTest < Minitest::Test
  def test_a_first_death_is_replaced_at_once_and_a_crash_loop_slows_down
    backoff = Swiftiply::Rack::Backoff.new
    pauses = Array.new(12) { backoff.pause_after(0.1) }

    assert_equal [0, 0.5, 1, 2, 4, 8, 16, 30, 30], pauses.first(9)
    assert_equal 30, pauses.max
  end

  def test_a_process_that_lived_is_forgiven
    backoff = Swiftiply::Rack::Backoff.new
    5.times { backoff.pause_after(0.1) }

    assert_equal 0, backoff.pause_after(60)
  end
end

class EventsTest < Minitest::Test
  def test_events_come_in_order_and_then_the_time_is_up
    events = Swiftiply::Rack::Events.new(:one, :two)
    events.push(:two)
    events.push(:one)

    assert_equal [:two, :one, nil], [events.wait, events.wait, events.wait(0)]
  ensure
    events.close
  end

  def test_a_signal_is_an_event_and_the_former_trap_comes_back
    before = Signal.trap("USR2", "IGNORE")
    events = Swiftiply::Rack::Events.new(:asked)
    events.trap("USR2", :asked)
    Process.kill("USR2", Process.pid)

    assert_equal :asked, events.wait(10)
    events.close
    assert_equal "IGNORE", Signal.trap("USR2", before || "DEFAULT")
  end

  def test_the_end_of_a_lifeline_is_an_event
    events = Swiftiply::Rack::Events.new(:one)
    lifeline, held = IO.pipe
    held.close

    assert_equal :closed, events.wait(10, lifeline)
  ensure
    events.close
    lifeline.close
  end
end

class ThreadsTest < Minitest::Test
  # Hands out what is in its queue, and nil for ever once that is closed.
  class FakeConnector
    def initialize
      @queue = Queue.new
    end

    def give(request)
      @queue << request
    end

    def end
      @queue.close
    end

    def take
      @queue.pop
    end
  end

  def setup
    @connector = FakeConnector.new
    @served = Queue.new
    @ended = Queue.new
  end

  def begin_threads(count, **options, &service)
    Swiftiply::Rack::Threads.new(count, @connector, service, **options) { @ended << true }
  end

  def test_threads_serve_until_nothing_more_comes
    begin_threads(2) { |request| @served << request }
    3.times { |number| @connector.give(number) }
    @connector.end

    assert @ended.pop
    assert_equal [0, 1, 2], Array.new(3) { @served.pop(true) }.sort
  end

  def test_a_thread_that_the_app_kills_is_replaced
    begin_threads(1) { |request| request == :kill ? Thread.current.kill : @served << request }
    @connector.give(:kill)
    @connector.give(:after)

    assert_equal :after, @served.pop
    @connector.end
    assert @ended.pop
  end

  def test_a_connector_of_another_process_ends_the_threads
    @connector.define_singleton_method(:take) { raise Swiftiply::Forked, "started before the fork" }
    _, errors = capture_io do
      begin_threads(2) { nil }
      assert @ended.pop
    end

    assert_equal ["swiftiply-rack: started before the fork\n"] * 2, errors.lines
  end

  def test_killed_threads_run_their_ensure_blocks
    begun = Queue.new
    threads = begin_threads(1) do
      begun << true
      Queue.new.pop
    ensure
      @served << :ensured
    end
    @connector.give(1)
    begun.pop

    assert_equal [0, :ensured], [threads.kill(10), @served.pop]
    assert_empty @ended
  end

  def test_what_a_request_leaves_in_its_thread_is_cleared_if_asked_for
    [[false, [nil, 1]], [true, [nil, nil]]].each do |clear, expected|
      @connector = FakeConnector.new
      begin_threads(1, clear_locals: clear) do
        @served << Thread.current[:left]
        Thread.current[:left] = 1
      end
      2.times { @connector.give(true) }
      assert_equal expected, [@served.pop, @served.pop]
      @connector.end
    end
  end
end

class HandlerTest < Minitest::Test
  def test_rack_finds_the_handler_by_name
    require "swiftiply/version"
    if Swiftiply::Rack::Rules.current.rack2?
      require "rack/handler"
      handler = Rack::Handler.get("swiftiply")
    else
      require "rackup/handler"
      handler = Rackup::Handler.get("swiftiply")
    end

    assert_equal "Swiftiply", handler.name.split("::").last
    assert_includes handler.valid_options, "Connect=ADDR"
    assert_respond_to handler, :shutdown
  end

  def test_swiftiply_in_the_environment_chooses_the_server_of_rails
    choose = lambda do |variables|
      Swiftiply::Rack::Handler.choose(variables)
      variables.values_at("RACK_HANDLER", "RACKUP_HANDLER")
    end

    assert_equal %w[swiftiply swiftiply], choose.call({ "SWIFTIPLY" => "1" })
    assert_equal %w[puma puma], choose.call({ "SWIFTIPLY" => "1", "RACK_HANDLER" => "puma" })
    assert_equal [nil, nil], choose.call({})
    assert_equal [nil, nil], choose.call({ "SWIFTIPLY" => "0" })
  end
end
