# frozen_string_literal: true

require "optparse"
require_relative "../version"
require_relative "app"
require_relative "log"
require_relative "options"
require_relative "supervisor"

module Swiftiply
  module Rack
    # The command `swiftiply-rack`.
    class Command
      USAGE_STATUS = 2

      # @param argv [Array<String>]
      # @return [Integer] the exit status
      def self.run(argv)
        new(argv).run
      end

      # @param argv [Array<String>]
      def initialize(argv)
        @argv = argv.dup
        @given = { connect: [] }
      end

      # @return [Integer] the exit status: 0, 1 for what failed at run time, 2 for what was asked wrongly
      def run
        parser.parse!(@argv)
        return 0 if @shown

        @options = Options.new(@given).check
        @log = Log.new(level: @options.log_level)
        @app = App.new(path, @options.environment, environment_given: @given.key?(:environment))
        @options.processes ? supervise : serve
      rescue OptionParser::ParseError, ConfigurationError => error
        warn "swiftiply-rack: #{error.message}"
        USAGE_STATUS
      rescue Interrupt
        0
      end

      private

      def path
        raise ConfigurationError, "one app at a time: #{@argv.join(" ")}" if @argv.size > 1

        path = @argv.first || "config.ru"
        return File.expand_path(path) if File.file?(path)

        raise ConfigurationError, "#{path} is not there: name the app's rackup file, or run this in its folder"
      end

      def supervise
        Process.setproctitle("swiftiply-rack #{@options.processes} processes [#{File.basename(Dir.pwd)}]")
        Supervisor.new(@options.processes, @log, drain_timeout: @options.drain_timeout) do |number, lifeline, serving|
          Process.setproctitle("swiftiply-rack process #{number} [#{File.basename(Dir.pwd)}]")
          guarded { serve(lifeline, serving) }
        end.run
      end

      def guarded
        yield
      rescue ConfigurationError => error
        warn "swiftiply-rack: #{error.message}"
        USAGE_STATUS
      rescue SignalException
        # Asked to end while the app was being loaded: that is no error, and deserves no backtrace.
        0
      end

      # The compiled library is loaded here and not earlier: in the process that uses it.
      def serve(lifeline = nil, serving = nil)
        require_relative "../native"
        require_relative "worker"
        app = load_app or return 1
        Worker.new(app, @options, @log, lifeline: lifeline, serving: serving).run
      end

      def load_app
        @app.load
      rescue SignalException
        raise
      rescue Exception => error # rubocop:disable Lint/RescueException -- a syntax error in the app is no StandardError
        @log.exception(error, "the app #{@app.path} does not load")
        nil
      end

      def parser
        OptionParser.new do |flags|
          flags.banner = "Usage: swiftiply-rack [options] [config.ru]\n\n" \
                         "Serves a Rack app as a backend of the Swiftiply proxy: it dials the proxy and takes requests.\n\n"
          connection_flags(flags)
          process_flags(flags)
          flags.on("-h", "--help", "print this") { show(flags.help) }
          flags.on("-v", "--version", "print the version") { show("swiftiply-rack #{VERSION}") }
        end
      end

      def connection_flags(flags)
        flags.on("-c", "--connect ADDR", "host:port or unix:/path of the proxy; repeat for several", "(SWIFTIPLY; " \
                 "#{Options::DEFAULT_ADDRESS})") { |address| @given[:connect] << address }
        flags.on("--key-file FILE", "the site's key (or SWIFTIPLY_KEY, SWIFTIPLY_KEY_FILE)") { |file| @given[:key_file] = file }
        flags.on("--label TEXT", "shown by the proxy, for example the release (SWIFTIPLY_LABEL)") { |text| @given[:label] = text }
      end

      def process_flags(flags)
        flags.on("-n", "--processes N", "processes under a supervisor, or auto", "(SWIFTIPLY_WORKERS, WEB_CONCURRENCY; one " \
                 "process, no supervisor)") { |count| @given[:processes] = count }
        flags.on("-t", "--threads N", "requests at once in each process", "(SWIFTIPLY_THREADS, RAILS_MAX_THREADS; " \
                 "#{Limits::THREADS_DEFAULT})") { |count| @given[:threads] = count }
        flags.on("--tunnels N", "upgraded connections (WebSockets) of each process; the next is answered 503",
                 "(SWIFTIPLY_TUNNELS; #{Limits::TUNNELS_DEFAULT})") { |count| @given[:tunnels] = count }
        flags.on("-e", "--environment ENV", "(RAILS_ENV, RACK_ENV; development)") { |name| @given[:environment] = name }
        flags.on("--drain-timeout SECONDS", "for what has begun when asked to end", "(SWIFTIPLY_DRAIN_TIMEOUT; " \
                 "#{Limits::DRAIN_TIMEOUT_S})") { |seconds| @given[:drain_timeout] = seconds }
        flags.on("--[no-]early-hints", "whether the app may send 103 replies", "(SWIFTIPLY_EARLY_HINTS; yes, but no " \
                 "under Rails)") { |wanted| @given[:early_hints] = wanted }
        flags.on("--clear-thread-locals", "empty Thread.current after every request",
                 "(SWIFTIPLY_CLEAR_THREAD_LOCALS)") { @given[:clear_thread_locals] = true }
        flags.on("--log-level LEVEL", "#{Log::LEVELS.join(", ")} (SWIFTIPLY_LOG_LEVEL; info)") do |level|
          @given[:log_level] = level
        end
      end

      def show(text)
        puts text
        @shown = true
      end
    end
  end
end
