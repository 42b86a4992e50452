# frozen_string_literal: true

require_relative "../helper"

class InputTest < Minitest::Test
  Input = Swiftiply::Rack::Input
  RewindableInput = Swiftiply::Rack::RewindableInput
  NoInput = Swiftiply::Rack::NoInput

  # Gives its pieces and counts how often it was asked.
  class Source
    attr_reader :asked

    def initialize(*pieces)
      @pieces = pieces.map(&:b)
      @asked = 0
    end

    def read(max)
      @asked += 1
      piece = @pieces.shift or return
      @pieces.unshift(piece.byteslice(max..)) if piece.bytesize > max
      piece.byteslice(0, max)
    end
  end

  def test_read_without_a_length_gives_all_and_then_the_empty_string
    input = Input.new(Source.new("ab", "cd"))

    assert_equal "abcd", input.read
    assert_equal "", input.read
    assert_equal "", input.read(nil)
  end

  def test_read_with_a_length_fills_it_across_pieces_and_then_gives_nil
    input = Input.new(Source.new("ab", "cde"))

    assert_equal "abc", input.read(3)
    assert_equal "", input.read(0)
    assert_equal "de", input.read(3)
    assert_nil input.read(3)
    assert_equal "", input.read(0)
  end

  def test_read_fills_the_buffer_it_is_given_and_empties_it_at_the_end
    input = Input.new(Source.new("abc"))
    buffer = +"old"

    assert_same buffer, input.read(2, buffer)
    assert_equal "ab", buffer
    assert_same buffer, input.read(nil, buffer)
    assert_equal "c", buffer
    assert_nil input.read(5, buffer)
    assert_equal "", buffer
  end

  def test_a_negative_length_is_refused_as_by_io
    assert_raises(ArgumentError) { Input.new(Source.new("a")).read(-1) }
  end

  def test_nothing_is_read_from_the_link_before_the_app_asks
    source = Source.new("abcd", "efgh")
    input = Input.new(source)

    assert_equal 0, source.asked
    input.read(2)
    assert_equal 1, source.asked
    input.read(2)
    assert_equal 2, source.asked, "no more than was asked for is taken"
  end

  def test_gets_gives_lines_that_span_pieces_and_a_last_one_without_newline
    input = Input.new(Source.new("one\ntw", "o\nthr", "ee"))

    assert_equal ["one\n", "two\n", "three", nil], Array.new(4) { input.gets }
  end

  def test_each_yields_lines
    assert_equal ["a\n", "b"], Input.new(Source.new("a\nb")).each.to_a
  end

  def test_readpartial_gives_what_is_there
    input = Input.new(Source.new("abc", "d"))

    assert_equal "ab", input.readpartial(2)
    assert_equal "c", input.readpartial(10)
    assert_equal "d", input.readpartial(10)
    assert_raises(EOFError) { input.readpartial(10) }
  end

  def test_what_was_read_without_waiting_can_be_rewound_as_well
    input = RewindableInput.new(FakeRequest.new("POST", body: %w[ab c]))

    assert_equal(["a", "b", "c", :wait_readable], [1, 5, 5, 5].map { |length| input.read_available(length) })
    input.rewind
    assert_equal "abc", input.read
  end

  def test_eof_is_known_once_the_end_came
    input = Input.new(Source.new("a"))

    refute_predicate input, :eof?
    input.read
    assert_predicate input, :eof?
  end

  def test_what_was_read_is_binary
    input = Input.new(Source.new("\xFF\xFE".b))

    assert_equal Encoding::BINARY, input.external_encoding
    assert_equal Encoding::BINARY, input.read(1).encoding
    assert_equal Encoding::BINARY, input.read.encoding
    assert_equal Encoding::BINARY, input.read.encoding
  end

  def test_a_cut_body_is_an_exception_and_not_an_end
    request = FakeRequest.new("POST", body: "abc")
    request.cut_after = true
    input = Input.new(request)

    assert_equal "abc", input.read(3)
    assert_raises(EOFError, Swiftiply::BodyCut) { input.read(1) }
  end

  def test_a_rewound_input_gives_everything_again_without_asking_twice
    source = Source.new("ab", "cd")
    input = RewindableInput.new(source)
    assert_equal "abc", input.read(3)
    input.rewind

    assert_equal "a", input.read(1)
    assert_equal "bcd", input.read
    input.rewind
    assert_equal "abcd", input.read
  end

  def test_a_big_body_moves_to_a_file_and_a_small_one_does_not
    spool = Swiftiply::Rack::Spool.new(Source.new("x" * 40, "y" * 40), memory_max: 64)
    spool.read(100)
    refute_predicate spool, :file?
    spool.read(100)
    assert_predicate spool, :file?
    spool.rewind

    assert_equal [("x" * 40) + ("y" * 10), "y" * 30, nil], [spool.read(50), spool.read(50), spool.read(50)]
  end

  def test_counting_reads_all_and_starts_at_the_first_byte
    input = RewindableInput.new(Source.new("ab", "c"))

    assert_equal 3, input.count
    assert_equal "abc", input.read
  end

  def test_no_input_is_always_at_its_end
    buffer = +"old"

    assert_equal "", NoInput::ONE.read
    assert_nil NoInput::ONE.read(1)
    assert_nil NoInput::ONE.read(1, buffer)
    assert_equal "", buffer
    assert_same buffer, NoInput::ONE.read(nil, buffer)
    assert_nil NoInput::ONE.gets
    assert_empty NoInput::ONE.each.to_a
    assert_equal 0, NoInput::ONE.rewind
  end
end
