# frozen_string_literal: true

require_relative "../errors"

module Swiftiply
  module Rack
    # The threads that run the app. Each takes a request from the connector, serves it and comes back for the next; one that
    # the app kills is replaced.
    class Threads
      # @param count [Integer]
      # @param connector [#take] gives nil when nothing more will come
      # @param service [#call]
      # @param clear_locals [Boolean] whether `Thread.current[...]` is emptied after every request
      # @param ended [#call] is called once, when all have ended because nothing more comes
      def initialize(count, connector, service, clear_locals: false, &ended)
        @connector = connector
        @service = service
        @clear_locals = clear_locals
        @ended = ended
        @lock = Mutex.new
        @living = {}
        @stopping = false
        @lock.synchronize { Array.new(count) { |number| begin_thread(number) } }
      end

      # Ends them wherever they are; their `ensure` blocks run.
      # @param timeout [Numeric] seconds
      # @return [Integer] how many would not end in time
      def kill(timeout)
        threads = @lock.synchronize do
          @stopping = true
          @living.values
        end
        threads.each(&:kill)
        deadline = now + timeout
        threads.count { |thread| thread.join([deadline - now, 0].max).nil? }
      end

      private

      def begin_thread(number)
        @living[number] = Thread.new do
          Thread.current.name = "swiftiply #{number}"
          finished = false
          work
          finished = true
        ensure
          left(number, finished)
        end
      end

      def work
        while (request = next_request)
          @service.call(request)
          # Otherwise it would be kept alive while this thread waits for the next.
          request = nil
          clear_locals if @clear_locals
        end
      end

      # In a forked process no thread would fare better than this one: that is an end, too.
      def next_request
        @connector.take
      rescue Forked => error
        warn "swiftiply-rack: #{error.message}"
      end

      def clear_locals
        thread = Thread.current
        thread.keys.each { |key| thread[key] = nil unless key == :__recursive_key__ } # rubocop:disable Style/HashEachMethods
      end

      def left(number, finished)
        last = @lock.synchronize do
          @living.delete(number)
          begin_thread(number) unless finished || @stopping
          @living.empty? && !@stopping
        end
        @ended&.call if last
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
