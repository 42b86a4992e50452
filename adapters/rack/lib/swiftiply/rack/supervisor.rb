# frozen_string_literal: true

require_relative "backoff"
require_relative "events"
require_relative "limits"

module Swiftiply
  module Rack
    # Keeps a number of processes alive: one that dies is replaced, one that cannot begin at all ends the command.
    #
    #   SIGTERM   every process drains; a second one stops them at once
    #   SIGINT    every process stops at once
    class Supervisor
      # One process. `report` is the pipe on which it says that it serves.
      Child = Struct.new(:number, :pid, :report, :begun_at, :initial, keyword_init: true)

      SERVES = "s"
      private_constant :SERVES

      # @param count [Integer] processes
      # @param log [Log]
      # @param drain_timeout [Numeric] seconds
      # @yield [number, lifeline, serving] in each new process; what it returns is its exit status
      def initialize(count, log, drain_timeout:, &body)
        @count = count
        @log = log
        @drain_timeout = drain_timeout
        @body = body
        @children = []
        @due = {}
        @backoffs = Array.new(count) { Backoff.new }
        @events = Events.new(:drain, :stop, :child)
        @lifeline, @held = IO.pipe
        @ending = nil
        @kill_at = nil
        @status = 0
      end

      # @return [Integer] the exit status
      def run
        @events.trap("TERM", :drain)
        @events.trap("INT", :stop)
        @events.trap("CHLD", :child)
        @count.times { |number| start(number, initial: true) }
        until @children.empty? && @due.empty?
          react(@events.wait(pause))
          reap
          start_due
        end
        @status
      ensure
        @events.close
      end

      private

      def react(event)
        case event
        when :drain then @ending ? finish("TERM", "stopping") : finish("TERM", "draining")
        when :stop then finish("INT", "stopping")
        end
        kill_late if @kill_at && now >= @kill_at
      end

      # Seconds until something is due by itself.
      def pause
        [@kill_at, *@due.values].compact.min&.then { |at| [at - now, 0].max }
      end

      def finish(signal, what)
        @log.info("#{what} #{@children.size} processes") if @ending != what
        @ending = what
        @due.clear
        allowed = what == "draining" ? @drain_timeout : 0
        @kill_at = now + allowed + Limits::STOP_TIMEOUT_S + 1
        signal_all(signal)
      end

      def kill_late
        @log.warn("#{@children.size} processes do not end: killing them")
        @kill_at = nil
        signal_all("KILL")
      end

      def signal_all(signal)
        @children.each do |child|
          Process.kill(signal, child.pid)
        rescue Errno::ESRCH
          nil
        end
      end

      def start(number, initial: false)
        reader, writer = IO.pipe
        pid = fork { in_child(number, reader, writer) }
        writer.close
        @children << Child.new(number: number, pid: pid, report: reader, begun_at: now, initial: initial)
      end

      def in_child(number, reader, writer)
        reader.close
        @held.close
        @events.close
        @children.each { |sibling| sibling.report.close }
        srand
        # Until the worker takes the signals over it loads the app, and nothing is lost by ending at once. The exception
        # that Ruby raises by default would come out of the middle of a require as something else.
        %w[INT TERM].each { |name| Signal.trap(name) { exit!(0) } }
        serving = lambda do
          writer.write(SERVES)
          writer.close
        end
        status = @body.call(number, @lifeline, serving)
        # Ctrl-C comes twice, from the terminal and from the supervisor: the second must not disturb the end.
        %w[INT TERM].each { |name| Signal.trap(name, "IGNORE") }
        exit(status)
      end

      def start_due
        @due.select { |_, at| now >= at }.each_key do |number|
          @due.delete(number)
          start(number)
        end
      end

      def reap
        @children.dup.each do |child|
          _, status = Process.wait2(child.pid, Process::WNOHANG)
          next unless status

          @children.delete(child)
          died(child, status, child.report.read_nonblock(1, exception: false) == SERVES)
          child.report.close
        end
      end

      def died(child, status, served)
        return if @ending
        return give_up if child.initial && !served

        # One that served and left in good order was asked to: a restart of processes one by one is no crash loop.
        asked = served && status.success?
        pause = asked ? 0 : @backoffs[child.number].pause_after(now - child.begun_at)
        @due[child.number] = now + pause
        @log.add(asked ? :info : :warn, "process #{child.number} (#{child.pid}) #{ended_how(status)}: starting another" \
                  "#{format(" in %g s", pause) if pause.positive?}")
      end

      # Its own message says why.
      def give_up
        @status = 1
        finish("INT", "stopping")
      end

      def ended_how(status)
        return "was killed by SIG#{Signal.signame(status.termsig)}" if status.signaled?

        "ended with status #{status.exitstatus}"
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
