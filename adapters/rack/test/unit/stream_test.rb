# frozen_string_literal: true

require_relative "../helper"

class StreamTest < Minitest::Test
  include Serving

  def test_a_streaming_body_writes_after_its_head_has_left
    body = lambda do |stream|
      stream << "a" << 1
      stream.write("b", "c")
      stream.flush
      stream.close
    end
    reply = reply_of([200, { "X" => "1" }, body])

    assert_equal "a1bc", reply.body
    assert_equal %i[start flush write write write write finish], reply.steps
    assert_equal [%w[X 1]], reply.fields
  end

  def test_a_streaming_body_that_does_not_close_is_ended_for_it
    reply = reply_of([200, {}, ->(stream) { stream.write("x") }])

    assert_equal %i[start flush write finish], reply.steps
  end

  def test_a_streaming_body_reads_the_request
    reply = reply_of([200, {}, ->(stream) { stream.write(stream.read.upcase) }], FakeRequest.new("POST", body: %w[ab cd]))

    assert_equal "ABCD", reply.body
  end

  def test_a_streaming_body_that_raises_is_cut_and_not_given_an_error_page
    reply = reply_of([200, {}, ->(stream) { stream.write("half") && raise("oops") }])

    assert_equal ["half", "the app failed: RuntimeError"], [reply.body, reply.aborted]
    assert_match(/oops/, @log.string)
  end

  def test_a_partial_hijack_lives_on_until_the_app_closes_it
    kept = nil
    body = WatchedBody.new(["ignored"])
    reply = reply_of([200, { "rack.hijack" => ->(stream) { kept = stream } }, body])
    assert_equal [%i[hold start flush release], 1], [reply.steps, body.closed]
    refute_predicate reply, :ended?

    kept.write("later")
    kept.close
    kept.close
    assert_equal ["later", true], [reply.body, reply.ended?]
    assert_predicate kept, :closed?
  end

  def test_a_closed_stream_refuses_as_an_io_does
    reply_of([200, {}, lambda { |stream|
      stream.close_write
      assert_raises(IOError) { stream.write("x") }
      assert_raises(IOError) { stream.flush }
      refute_predicate stream, :closed?
      stream.close_read
      assert_raises(IOError) { stream.read }
      assert_predicate stream, :closed?
    }])

    refute_match(/failed/, @log.string)
  end

  def test_reading_without_waiting
    reply = reply_of([200, {}, lambda { |stream|
      stream.write(stream.read_nonblock(2))
      stream.write(stream.read_nonblock(9))
      assert_equal :wait_readable, stream.read_nonblock(9, exception: false)
      assert_raises(IO::WaitReadable) { stream.read_nonblock(9) }
    }], FakeRequest.new("POST", body: "abc"))

    assert_equal "abc", reply.body
    refute_match(/failed/, @log.string)
  end

  def test_a_client_that_left_raises_in_the_app_and_is_no_error
    raised = nil
    request = FakeRequest.new
    request.reply.gone_after = 1
    app = lambda do |_env|
      [200, {}, lambda { |stream|
        begin
          2.times { stream.write("x") }
        rescue IOError => error
          raised = error
          raise
        end
      }]
    end
    serve(app, request)

    assert_kind_of Swiftiply::ClientGone, raised
    refute_match(/ERROR/, @log.string)
    assert request.reply.aborted
  end
end
