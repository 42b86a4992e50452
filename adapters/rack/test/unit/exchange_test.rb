# frozen_string_literal: true

require_relative "../helper"

class ExchangeTest < Minitest::Test
  include Serving

  # A request whose replies are all plain enough; tells which were given.
  class PlainRequest < FakeRequest
    def answer(*answer, _rack_headers)
      @given = answer
      true
    end
    attr_reader :given
  end

  def test_a_plain_reply_is_sent_in_one_call_unless_something_follows_it
    request = serve(->(_env) { [200, {}, ["x"]] }, PlainRequest.new)
    assert_equal [[200, {}, ["x"]], []], [request.given, request.reply.steps]

    %w[rack.after_reply rack.response_finished].each do |key|
      called = 0
      request = serve(->(env) { (env[key] << ->(*) { called += 1 }) && [200, {}, ["x"]] }, PlainRequest.new)
      assert_equal [nil, %i[hold whole release], 1], [request.given, request.reply.steps, called], key
    end
    assert_nil serve(->(_env) { [200, {}, ["x"]] }, PlainRequest.new("POST", body: "")).given
  end

  def test_an_exception_in_the_app_is_a_500_and_in_the_log
    reply = serve(->(_env) { raise KeyError, "no such user" }).reply

    assert_equal [500, "500 Internal Server Error\n"], [reply.status, reply.body]
    assert_match(%r{ERROR: the app failed on GET /: .*no such user \(KeyError\)}m, @log.string)
  end

  def test_the_page_tells_the_exception_in_development_only
    page = serve(->(_env) { raise KeyError, "no such user" }, show_errors: true).reply.body

    assert_match(/no such user \(KeyError\)/, page)
  end

  def test_an_exception_of_any_encoding_is_answered_and_logged
    strange = Class.new(StandardError) { def message = raise("no message either") }
    messages = ["caf\xE9".b, "café".encode("UTF-16LE"), "\xFF"]
    [*messages.map { |message| RuntimeError.new(message) }, strange.new].each do |error|
      request = FakeRequest.new("GET", "/caf\xE9".b)
      serve(->(_env) { raise error }, request, show_errors: true)

      assert_equal [500, true], [request.reply.status, request.reply.ended?]
      assert_match(%r{ERROR: the app failed on GET /caf}, @log.string)
      assert_predicate @log.string, :valid_encoding?
    end
  end

  def test_no_exception_ends_the_worker
    [NotImplementedError, SystemExit, NoMemoryError, SystemStackError, Class.new(Exception)].each do |type| # rubocop:disable Lint/InheritException
      assert_equal 500, serve(->(_env) { raise type }).reply.status
    end
    assert_equal 500, serve(->(_env) { exit }).reply.status
    assert_equal 500, serve(->(_env) { throw :halt }).reply.status
  end

  def test_a_body_that_raises_before_its_first_piece_is_a_500
    body = WatchedBody.new([RuntimeError.new("first")])
    reply = reply_of([200, {}, body])

    assert_equal [500, 1], [reply.status, body.closed]
  end

  def test_a_body_that_raises_later_cuts_the_reply
    body = WatchedBody.new(["half", RuntimeError.new("second")])
    reply = reply_of([200, {}, body])

    assert_equal [200, "half", "the app failed: RuntimeError", 1], [reply.status, reply.body, reply.aborted, body.closed]
  end

  def test_a_body_longer_than_its_length_is_cut_and_logged
    body = WatchedBody.new(%w[hel loworld])
    reply = reply_of([200, { "Content-Length" => "5" }, body])

    assert_equal ["hello", nil, :finish, 1], [reply.body, reply.aborted, reply.steps[-2], body.closed]
    assert_match(/BodyTooLong/, @log.string)
  end

  def test_a_body_shorter_than_its_length_is_aborted_and_logged
    body = WatchedBody.new(%w[hel])
    reply = reply_of([200, { "Content-Length" => "5" }, body])

    assert reply.aborted
    assert_equal 1, body.closed
    assert_match(/BodyTooShort/, @log.string)
  end

  def test_the_client_has_its_answer_before_the_body_is_closed_and_the_slot_is_kept_until_then
    request = FakeRequest.new
    closing = nil
    body = WatchedBody.new(["x"])
    body.define_singleton_method(:close) { closing = request.reply.steps.dup }
    reply_of([200, {}, body], request)

    assert_equal %i[hold start write finish], closing
    assert_equal %i[hold start write finish release], request.reply.steps
  end

  def test_a_close_that_raises_is_logged_and_nothing_else
    body = WatchedBody.new(["x"])
    body.define_singleton_method(:close) { raise "stuck" }
    reply = reply_of([200, {}, body])

    assert_equal ["x", :release], [reply.body, reply.steps.last]
    assert_match(/failed to close its body.*stuck/m, @log.string)
  end

  def test_callbacks_run_after_the_body_is_closed
    order = []
    body = WatchedBody.new(["x"])
    body.define_singleton_method(:close) { order << :closed }
    app = lambda do |env|
      env["rack.after_reply"] << -> { order << :after1 } << -> { order << :after2 }
      env["rack.response_finished"] << ->(*seen) { order << [:one, *seen[1..]] }
      env["rack.response_finished"] << ->(*) { raise "swallowed" } << ->(*) { order << :three }
      [200, { "x" => "1" }, body]
    end
    serve(app)

    assert_equal [:closed, :three, [:one, 200, { "x" => "1" }, nil], :after1, :after2], order
    assert_match(/a callback failed.*swallowed/m, @log.string)
  end

  def test_response_finished_learns_of_the_exception
    seen = nil
    serve(lambda { |env|
      env["rack.response_finished"] << ->(*given) { seen = given[1..] }
      raise ArgumentError, "bad"
    })

    assert_equal [nil, nil, ArgumentError], [*seen[0, 2], seen[2].class]
  end

  def test_an_exchange_whose_thread_is_killed_is_cut_and_closed
    body = WatchedBody.new([])
    body.define_singleton_method(:each) { Thread.current.kill }
    request = FakeRequest.new
    Thread.new { reply_of([200, {}, body], request) }.join

    assert_equal ["the app's thread was ended", 1], [request.reply.aborted, body.closed]
    assert_equal :release, request.reply.steps.last
  end

  def test_an_upload_that_is_cut_by_its_client_is_no_error_of_the_app
    request = FakeRequest.new("POST", body: "ab", length: 10)
    request.cut_after = true
    serve(->(env) { [200, {}, [env["rack.input"].read]] }, request)

    refute_match(/ERROR/, @log.string)
    assert request.reply.aborted
  end

  def test_what_an_upload_has_spooled_is_given_back
    request = FakeRequest.new("POST", body: "x" * 200_000)
    input = nil
    serve(->(env) { (input = env["rack.input"]).read && [200, {}, []] }, request, rules: RACK2)

    assert_predicate input.instance_variable_get(:@spool).instance_variable_get(:@file), :closed?
  end
end
