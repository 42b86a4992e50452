# frozen_string_literal: true

require_relative "../version"
require_relative "limits"
require_relative "log"
require_relative "options"

module Swiftiply
  module Rack
    # What `rackup -s swiftiply` and `rails server -u swiftiply` run, under Rack 2 and under rackup.
    module Handler
      # Options as `rackup -O` spells them.
      NAMES = {
        Connect: :connect, KeyFile: :key_file, Threads: :threads, Tunnels: :tunnels, Label: :label, DrainTimeout: :drain_timeout,
        LogLevel: :log_level, early_hints: :early_hints, environment: :environment
      }.freeze

      # Makes this the server that rackup and `rails server` take when none is named, if SWIFTIPLY asks for it. A choice that
      # is made already stands.
      # @param variables [Hash, ENV]
      # @return [void]
      def self.choose(variables)
        return if ["", "0"].include?(variables["SWIFTIPLY"].to_s)

        # Rack 2 knows the first; rackup, with Rack 3, the second, and with it does not complain of the first.
        variables["RACK_HANDLER"] ||= "swiftiply"
        variables["RACKUP_HANDLER"] ||= variables["RACK_HANDLER"]
      end

      # Serves until a signal ends it.
      # @param app [#call]
      # @param options [Hash{Symbol => Object}] those of {NAMES}; what is meant for servers that listen is left alone
      # @yield [Worker] before it runs
      # @return [void]
      def run(app, **options)
        require_relative "../native"
        require_relative "worker"
        chosen = Options.new(given(options)).check
        log = Log.new(level: chosen.log_level)
        warn_of_listening(options, log)
        @worker = Worker.new(app, chosen, log)
        yield @worker if block_given?
        status = @worker.run
        exit(status) unless status.zero?
      rescue ConfigurationError => error
        abort "swiftiply-rack: #{error.message}"
      end

      # @return [Hash{String => String}] for `rackup -s swiftiply -h`
      def valid_options
        {
          "Connect=ADDR" => "host:port or unix:/path of the proxy (SWIFTIPLY; #{Options::DEFAULT_ADDRESS})",
          "KeyFile=FILE" => "the site's key (or SWIFTIPLY_KEY)",
          "Threads=N" => "requests at once (SWIFTIPLY_THREADS, RAILS_MAX_THREADS; #{Limits::THREADS_DEFAULT})",
          "Label=TEXT" => "shown by the proxy (SWIFTIPLY_LABEL)",
          "DrainTimeout=SECONDS" => "for what has begun when asked to end (#{Limits::DRAIN_TIMEOUT_S})",
          "LogLevel=LEVEL" => "#{Log::LEVELS.join(", ")} (info)",
        }
      end

      # Ends the server at once; safe in a trap.
      # @return [void]
      def shutdown
        @worker&.stop
      end

      private

      def given(options)
        NAMES.each_with_object({}) do |(name, own), given|
          value = options[name]
          given[own] = value unless value.nil?
        end
      end

      # Someone who asks for a port expects to find the app there.
      def warn_of_listening(options, log)
        asked = (options[:user_supplied_options] || []) & %i[Port Host]
        return if asked.empty?

        log.warn("#{asked.join(" and ")} ignored: a backend of Swiftiply does not listen, it dials " \
                 "(SWIFTIPLY=host:port); the proxy listens")
      end
    end
  end
end
