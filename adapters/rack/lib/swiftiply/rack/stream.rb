# frozen_string_literal: true

require_relative "../errors"

module Swiftiply
  module Rack
    # What a streaming body and a partial hijack are given: the request's body to read and the reply's body to write, as one
    # object that behaves like a socket.
    class Stream
      # @param input [Input] the request's body
      # @param reply [Swiftiply::Reply] whose head has been sent
      def initialize(input, reply)
        @input = input
        @reply = reply
        @read_closed = false
        @write_closed = false
      end

      # (see Input#read)
      def read(length = nil, buffer = nil)
        open_for_reading.read(length, buffer)
      end

      # (see Input#readpartial)
      def readpartial(length, buffer = nil)
        open_for_reading.readpartial(length, buffer)
      end

      # @param exception [Boolean] false: `:wait_readable` and nil instead of raising
      # @return [String, Symbol, nil] what is there now
      # @raise [EOFError, IO::WaitReadable]
      def read_nonblock(length, buffer = nil, exception: true)
        data = open_for_reading.read_available(length)
        return buffer ? buffer.replace(data) : data if data.is_a?(String)
        return data unless exception

        raise data ? WouldBlock : EOFError
      end

      # @return [String, nil]
      def gets
        open_for_reading.gets
      end

      # Sends at once; waits while the client is slower than the app.
      # @param pieces [Array<#to_s>]
      # @return [Integer] bytes written
      # @raise [ClientGone] when the client left
      def write(*pieces)
        raise IOError, "closed stream" if @write_closed

        pieces.sum do |piece|
          bytes = piece.to_s
          @reply.write(bytes) unless bytes.empty?
          bytes.bytesize
        end
      end

      # As {#write}: a socket would take a part, this takes all of it and may wait for the client.
      def write_nonblock(piece, exception: true) # rubocop:disable Lint/UnusedMethodArgument
        write(piece)
      end

      # @return [self]
      def <<(piece)
        write(piece)
        self
      end

      # Nothing to do: what is written leaves at once.
      # @return [self]
      def flush
        raise IOError, "closed stream" if @write_closed

        self
      end

      # Ends the reply, and tells that no more of the request's body is wanted.
      # @return [nil]
      def close(_error = nil)
        close_read
        close_write
      end

      # @return [nil]
      def close_read
        @read_closed = true
        @input.close
      end

      # Ends the reply.
      # @return [nil]
      def close_write
        return if @write_closed

        @write_closed = true
        @reply.finish
        nil
      end

      # @return [Boolean]
      def closed?
        @read_closed && @write_closed
      end

      # What a socket raises that has nothing to read.
      class WouldBlock < Errno::EAGAIN
        include IO::WaitReadable
      end

      private

      def open_for_reading
        raise IOError, "not opened for reading" if @read_closed

        @input
      end
    end
  end
end
