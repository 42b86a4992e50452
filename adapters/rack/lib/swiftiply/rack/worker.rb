# frozen_string_literal: true

require_relative "events"
require_relative "exchange"
require_relative "limits"
require_relative "threads"

module Swiftiply
  module Rack
    # One process that serves an app: a connector, its threads, and the main thread that waits for signals.
    #
    #   SIGTERM   drain: nothing new, finish what has begun, leave; a second one stops at once
    #   SIGINT    stop at once
    class Worker
      # @param app [#call]
      # @param options [Options]
      # @param log [Log]
      # @param lifeline [IO, nil] its end means that the supervisor is gone
      # @param serving [#call, nil] is called once, when the process is in service or waits for its proxy to appear
      def initialize(app, options, log, lifeline: nil, serving: nil)
        @app = app
        @options = options
        @log = log
        @lifeline = lifeline
        @serving = serving
        @refusals = 0
        @events = Events.new(:drain, :stop, :refused, :ended)
        @deadline = nil
        @status = 0
      end

      # Serves until the process is asked to end.
      # @return [Integer] the exit status
      def run
        @events.trap("TERM", :drain)
        @events.trap("INT", :stop)
        @connector = connect
        introduce
        follow_notices
        @threads = begin_threads
        nil until react(@events.wait(@deadline && (@deadline - now), @lifeline)) == :over
        @status
      ensure
        wind_up
      end

      # As a SIGINT does; safe in a trap.
      # @return [nil]
      def stop
        @events.push(:stop)
      end

      private

      def connect
        Connector.new(connect: @options.connect, key: @options.key, key_file: @options.key_file,
                      slots: @options.threads, tunnels: @options.tunnels, label: @options.label.to_s,
                      adapter: "swiftiply-rack #{VERSION}")
      end

      def introduce
        @log.info("swiftiply-rack #{VERSION} on Ruby #{RUBY_VERSION} and Rack #{::Rack.release}, #{@options.environment}, " \
                  "#{@options.threads} threads; dialling #{@options.connect.join(", ")}")
      end

      def begin_threads
        service = Service.for(@app, log: @log, threads: @options.threads, early_hints: @options.early_hints?,
                                    show_errors: @options.environment == "development")
        Threads.new(@options.threads, @connector, service, clear_locals: @options.clear_thread_locals) do
          @events.push(:ended)
        end
      end

      # @return [Symbol, nil] `:over` when there is nothing left to wait for
      def react(event)
        case event
        when :drain then @deadline ? cut("asked twice") : drain("asked to drain")
        when :closed then lost_supervisor
        when :stop, :ended then :over
        when :refused then failed
        when nil then cut("not done after #{@options.drain_timeout} s")
        end
      end

      def drain(why)
        @log.info("#{why}: taking nothing new")
        @deadline = now + @options.drain_timeout
        @connector.drain
        nil
      end

      def lost_supervisor
        @lifeline = nil
        @deadline ? nil : drain("the supervisor is gone")
      end

      def cut(why)
        in_flight, tunnels = @connector.status.values_at(:in_flight, :tunnels)
        @log.warn("#{why}: stopping with #{in_flight} requests unfinished") if in_flight.positive?
        # These have no end of their own, so that cutting them is no failure.
        @log.info("#{why}: closing #{tunnels} upgraded connections") if tunnels.positive?
        @status = 1 if in_flight.positive?
        :over
      end

      def failed
        @status = 1
        :over
      end

      def follow_notices
        @notices = Thread.new do
          Thread.current.name = "swiftiply notices"
          while (level, kind, text = @connector.next_notice)
            @log.add(level, text)
            noticed(kind)
          end
        end
      end

      # Proxies that refuse us before any has taken us will not change their minds: better to end with their reason.
      def noticed(kind)
        case kind
        when :connected, :unreachable then in_service
        when :refused
          @refusals += 1
          @events.push(:refused) if @serving != :told && @refusals >= @options.connect.size
        end
      end

      def in_service
        @serving.call if @serving.respond_to?(:call)
        @serving = :told
      end

      def wind_up
        @connector&.stop
        left = @threads ? @threads.kill(Limits::STOP_TIMEOUT_S) : 0
        @notices&.kill
        @events.close
        return if left.zero?

        @log.warn("#{left} threads do not end: leaving them behind")
        Process.exit!(@status)
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
