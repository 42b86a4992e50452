# frozen_string_literal: true

require "tempfile"
require_relative "limits"

module Swiftiply
  module Rack
    # Reads from a source and keeps what it read: in memory up to a bound, then in a temporary file without a name. Rewound,
    # it gives the kept bytes again before it asks the source for more.
    class Spool
      # @return [Integer] bytes kept so far
      attr_reader :size

      # @param source [#read]
      # @param memory_max [Integer] bytes
      def initialize(source, memory_max: Limits::SPOOL_MEMORY_BYTES_MAX)
        @source = source
        @memory_max = memory_max
        @memory = String.new(encoding: Encoding::BINARY)
        @file = nil
        @size = 0
        @position = 0
      end

      # @param length [Integer] at most so many bytes
      # @return [String, nil] nil at the end
      def read(length)
        piece = @position < @size ? kept(length) : keep(@source.read(length))
        @position += piece.bytesize if piece
        piece
      end

      # As {#read}, without waiting.
      # @return [String, Symbol, nil]
      def read_available(length)
        return read(length) if @position < @size

        piece = @source.read_available(length)
        return piece unless piece.is_a?(String)

        keep(piece)
        @position += piece.bytesize
        piece
      end

      # @return [void]
      def rewind
        @position = 0
      end

      # Reads the source to its end.
      # @return [void]
      def fill
        nil while keep(@source.read(Limits::READ_PIECE_BYTES))
      end

      # @return [Boolean] whether it outgrew memory
      def file?
        !@file.nil?
      end

      # @return [nil]
      def close
        @file&.close
        @memory.clear
        @position = @size = 0
        nil
      end

      private

      def kept(length)
        return @memory.byteslice(@position, length) unless @file

        @file.seek(@position)
        @file.read(length)
      end

      def keep(piece)
        return unless piece

        move_to_file if !@file && @size + piece.bytesize > @memory_max
        if @file
          @file.seek(@size)
          @file.write(piece)
        else
          @memory << piece
        end
        @size += piece.bytesize
        piece
      end

      def move_to_file
        @file = Tempfile.new("swiftiply-body", binmode: true)
        @file.unlink
        @file.write(@memory)
        @memory.clear
      end
    end
  end
end
