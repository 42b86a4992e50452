# frozen_string_literal: true

module Swiftiply
  module Rack
    # What the main thread of a process waits for: signals, and words from its other threads. A pipe underneath, because a
    # signal's trap may not take a lock, and because a main thread that reads is woken by signals whatever else has ended.
    class Events
      # @param names [Array<Symbol>] all events there are
      def initialize(*names)
        @names = names
        @reader, @writer = IO.pipe
        @traps = {}
      end

      # From now on the signal is this event.
      # @param signal [String]
      # @param event [Symbol]
      # @return [void]
      def trap(signal, event)
        @traps[signal] = Signal.trap(signal) { push(event) }
      end

      # Safe in any thread and in a trap.
      # @param event [Symbol]
      # @return [nil]
      def push(event)
        @writer.write_nonblock(@names.index(event).chr)
        nil
      rescue IO::WaitWritable, IOError
        # A full pipe wakes the reader as well as one byte more; a closed one has no reader left to wake.
        nil
      end

      # @param timeout [Numeric, nil] seconds
      # @param closing [IO, nil] gives `:closed` when its other end is closed
      # @return [Symbol, nil] the next event, or nil when the time is up
      def wait(timeout = nil, closing = nil)
        ready, = IO.select([@reader, closing].compact, nil, nil, timeout && [timeout, 0].max)
        return unless ready
        return :closed unless ready.include?(@reader)

        @names[@reader.readbyte]
      end

      # Gives the signals back to who had them.
      # @return [void]
      def close
        @traps.each { |signal, before| Signal.trap(signal, before || "DEFAULT") }
        @reader.close
        @writer.close
      end
    end
  end
end
