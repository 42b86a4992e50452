# frozen_string_literal: true

require "etc"
require_relative "../errors"
require_relative "limits"
require_relative "log"

module Swiftiply
  module Rack
    # What a process is to do, from flags, variables and defaults, in this order of precedence.
    class Options
      DEFAULT_ADDRESS = "127.0.0.1:30000"

      # Name, variables in their order, and default of each option.
      TABLE = {
        connect: [%w[SWIFTIPLY], nil],
        key: [%w[SWIFTIPLY_KEY], nil],
        key_file: [%w[SWIFTIPLY_KEY_FILE], nil],
        processes: [%w[SWIFTIPLY_WORKERS WEB_CONCURRENCY], nil],
        threads: [%w[SWIFTIPLY_THREADS RAILS_MAX_THREADS], Limits::THREADS_DEFAULT],
        tunnels: [%w[SWIFTIPLY_TUNNELS], Limits::TUNNELS_DEFAULT],
        environment: [%w[RAILS_ENV RACK_ENV], "development"],
        label: [%w[SWIFTIPLY_LABEL], nil],
        drain_timeout: [%w[SWIFTIPLY_DRAIN_TIMEOUT], Limits::DRAIN_TIMEOUT_S],
        log_level: [%w[SWIFTIPLY_LOG_LEVEL], :info],
        early_hints: [%w[SWIFTIPLY_EARLY_HINTS], nil],
        clear_thread_locals: [%w[SWIFTIPLY_CLEAR_THREAD_LOCALS], false],
      }.freeze

      # @return [String, nil] never printed
      attr_reader :key
      # @return [String, nil]
      attr_reader :key_file, :label
      # @return [String]
      attr_reader :environment

      # @param given [Hash{Symbol => Object}] what the command line or a handler's options say; keys as in {TABLE}
      # @param variables [#[]] the process's environment
      def initialize(given = {}, variables = ENV)
        unknown = given.keys - TABLE.keys
        raise ArgumentError, "unknown options: #{unknown.join(", ")}" if unknown.any?

        @values = TABLE.to_h { |name, (names, default)| [name, pick(given[name], names, variables, default)] }
        @key = @values.delete(:key)
        @key_file, @label, @environment = @values.values_at(:key_file, :label, :environment)
        # A key file named on the command line is meant, whatever key the shell still has.
        @key = nil if given[:key_file] && !given[:key]
      end

      # @return [Array<String>] addresses of the proxies
      # @raise [ConfigurationError]
      def connect
        @connect ||= addresses
      end

      # @return [Integer, nil] nil for one process without a supervisor
      def processes
        value = @values[:processes]
        return if value.nil?

        value == "auto" ? Etc.nprocessors : whole(value, "processes (-n)", 1..Limits::PROCESSES_MAX)
      end

      # @return [Integer]
      def threads
        whole(@values[:threads], "threads (-t)", 1..Limits::THREADS_MAX)
      end

      # @return [Integer]
      def tunnels
        whole(@values[:tunnels], "tunnels", 0..Limits::TUNNELS_MAX)
      end

      # @return [Numeric] seconds
      def drain_timeout
        value = Float(@values[:drain_timeout].to_s, exception: false)
        return value if value && value >= 0 && value.finite?

        raise ConfigurationError, "the drain timeout is #{@values[:drain_timeout].inspect}: it must be seconds, 0 or more"
      end

      # @return [Symbol]
      def log_level
        level = @values[:log_level].to_s.downcase.to_sym
        return level if Log::LEVELS.include?(level)

        raise ConfigurationError, "the log level is #{@values[:log_level].inspect}: use #{Log::LEVELS.join(", ")}"
      end

      # Rails sends hints for each asset tag as soon as it may, so there they are asked for, as with `rails server`.
      # @return [Boolean]
      def early_hints?
        wanted = @values[:early_hints]
        wanted.nil? ? !defined?(::Rails) : true?(wanted)
      end

      # @return [Boolean]
      def clear_thread_locals
        true?(@values[:clear_thread_locals])
      end

      # Looks at every value.
      # @return [self]
      # @raise [ConfigurationError] that names the first wrong one
      def check
        connect
        processes
        threads
        tunnels
        drain_timeout
        log_level
        self
      end

      # Without the key.
      # @return [String]
      def inspect
        "#<#{self.class} #{@values}>"
      end

      private

      def pick(given, names, variables, default)
        return given unless given.nil? || given == []

        names.each { |name| return variables[name] unless variables[name].to_s.empty? }
        default
      end

      def addresses
        list = Array(@values[:connect]).flat_map { |text| text.to_s.split(",") }.map(&:strip).reject(&:empty?)
        list = [DEFAULT_ADDRESS] if list.empty?
        list.map { |address| address == "1" ? DEFAULT_ADDRESS : address }.uniq
      end

      def whole(value, what, range)
        number = Integer(value.to_s, 10, exception: false)
        return number if number && range.cover?(number)

        raise ConfigurationError, "#{what} is #{value.inspect}: it must be #{range.first} to #{range.last}"
      end

      def true?(value)
        !["", "0", "false", "no", "off"].include?(value.to_s.downcase)
      end
    end
  end
end
