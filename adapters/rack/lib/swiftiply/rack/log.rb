# frozen_string_literal: true

require_relative "error_text"

module Swiftiply
  module Rack
    # Lines for the one who runs the process: level, process and a sentence, to one stream.
    class Log
      LEVELS = %i[debug info warn error].freeze

      # @param io [#write]
      # @param level [Symbol] the least that is written, one of {LEVELS}
      # @param name [String] in front of each line
      def initialize(io: $stderr, level: :info, name: "swiftiply-rack")
        @io = io
        @level = LEVELS.index(level) || raise(ArgumentError, "log level #{level.inspect}: use #{LEVELS.join(", ")}")
        @name = name
      end

      LEVELS.each_with_index do |level, rank|
        # @param text [String]
        define_method(level) { |text| line(level, text) if rank >= @level }
      end

      # @param level [Symbol] one of {LEVELS}
      # @param text [String]
      # @return [nil]
      def add(level, text)
        line(level, text) if LEVELS.index(level) >= @level
      end

      # An exception of the app, with its backtrace and its causes.
      # @param error [Exception]
      # @param doing [String] what was being done
      # @return [nil]
      def exception(error, doing)
        line(:error, "#{ErrorText.utf8(doing)}: #{ErrorText.of(error)}".chomp)
      end

      private

      # One write for one line, so that the lines of several threads and processes do not mix.
      def line(level, text)
        @io.write("#{@name}[#{Process.pid}] #{level.to_s.upcase}: #{text}\n")
        nil
      rescue IOError, SystemCallError
        # Nobody is left to read it; the work goes on.
        nil
      end
    end
  end
end
