# frozen_string_literal: true

require_relative "limits"
require_relative "spool"

module Swiftiply
  module Rack
    # `rack.input`: the request's body as it comes, read from the link when the app asks and not before.
    class Input
      # @param source [#read, #read_available] give the next piece of at most so many bytes, or nil at the end; the first
      #   waits until it has one, the second gives `:wait_readable` instead
      def initialize(source)
        @source = source
        @pending = String.new(encoding: Encoding::BINARY)
        @ended = false
      end

      # As `IO#read`.
      # @param length [Integer, nil] nil for all of it
      # @param buffer [String, nil] is filled instead of a new String
      # @return [String, nil] nil at the end if a positive length was asked for
      # @raise [BodyCut] when the client's body ended early
      def read(length = nil, buffer = nil)
        raise ArgumentError, "negative length #{length} given" if length&.negative?

        data = length.nil? ? take_all : take(length)
        # IO#read empties the buffer even when it returns nil.
        buffer&.replace(data || "")
        data && (buffer || data)
      end

      # @return [String, nil] the next line with its newline, nil at the end
      def gets
        scanned = 0
        until (newline = @pending.index("\n", scanned))
          scanned = @pending.bytesize
          break unless pull(Limits::READ_PIECE_BYTES)
        end
        return @pending.slice!(0, newline + 1) if newline

        @pending.empty? ? nil : take_pending
      end

      # Yields each line.
      # @return [self, Enumerator]
      def each
        return to_enum unless block_given?

        while (line = gets)
          yield line
        end
        self
      end

      # As `IO#readpartial`: what is there, at least one byte; waits only if there is none.
      # @return [String]
      # @raise [EOFError] at the end
      def readpartial(length, buffer = nil)
        raise EOFError, "end of the request's body" if @pending.empty? && !pull(length)

        data = @pending.slice!(0, length)
        buffer ? buffer.replace(data) : data
      end

      # @return [Boolean] whether all of it was read; waits for the next byte or the end
      def eof?
        @pending.empty? && !pull(Limits::READ_PIECE_BYTES)
      end

      # What is there without waiting.
      # @return [String, Symbol, nil] `:wait_readable` if nothing is there yet, nil at the end
      def read_available(length)
        return @pending.slice!(0, length) unless @pending.empty?

        @ended ? nil : @source.read_available(length)
      end

      # Tells that the rest is not wanted.
      # @return [nil]
      def close
        @pending.clear
        @ended = true
        nil
      end

      # @return [Encoding]
      def external_encoding
        Encoding::BINARY
      end

      # @return [self]
      def binmode
        self
      end

      # @return [true]
      def binmode?
        true
      end

      private

      def take(length)
        return String.new(encoding: Encoding::BINARY) if length.zero?

        while @pending.bytesize < length
          break unless pull(length - @pending.bytesize)
        end
        return if @pending.empty?

        @pending.bytesize <= length ? take_pending : @pending.slice!(0, length)
      end

      def take_all
        nil while pull(Limits::READ_PIECE_BYTES)
        take_pending
      end

      def take_pending
        data = @pending
        @pending = String.new(encoding: Encoding::BINARY)
        data
      end

      # One more piece; nil at the end.
      def pull(length)
        return if @ended

        piece = @source.read(length)
        unless piece
          @ended = true
          return
        end

        @pending.empty? ? @pending = piece : @pending << piece
      end
    end

    # The input that Rack 2 asks for: what was read is kept, so that it can be read again.
    class RewindableInput < Input
      # @param source [#read]
      def initialize(source)
        @spool = Spool.new(source)
        super(@spool)
      end

      # @return [0]
      def rewind
        @spool.rewind
        @pending.clear
        @ended = false
        0
      end

      # Receives the whole body first; reading begins at its first byte.
      # @return [Integer] its length in bytes
      def count
        @spool.fill
        rewind
        @spool.size
      end

      # Gives back the memory or the file; only the server calls it, when the exchange is over.
      # @return [nil]
      def discard
        close
        @spool.close
      end
    end

    # `rack.input` of a request without a body: at its end from the beginning, and the same object for all.
    class NoInput
      # (see Input#read)
      def read(length = nil, buffer = nil)
        buffer&.clear
        length.nil? || length.zero? ? buffer || String.new(encoding: Encoding::BINARY) : nil
      end

      # @return [nil]
      def gets; end

      # @return [self, Enumerator]
      def each
        block_given? ? self : to_enum
      end

      # @raise [EOFError]
      def readpartial(_length, _buffer = nil)
        raise EOFError, "the request has no body"
      end

      # @return [true]
      def eof?
        true
      end

      # @return [nil]
      def read_available(_length); end

      # @return [0]
      def rewind
        0
      end

      # @return [0]
      def size
        0
      end

      # @return [nil]
      def close; end

      # @return [Encoding]
      def external_encoding
        Encoding::BINARY
      end

      # @return [self]
      def binmode
        self
      end

      # @return [true]
      def binmode?
        true
      end

      # The only one that is needed.
      ONE = new.freeze
    end
  end
end
