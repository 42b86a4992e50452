# frozen_string_literal: true

module Swiftiply
  module Rack
    # What the release of Rack that the app runs on asks of a server. The only place that compares versions.
    #
    #                                        Rack 2    3.0    3.1 and later
    #   rack.input can be rewound            yes       no     no
    #   rack.version, rack.multithread, ...  yes       no     no
    #   HTTP_VERSION                         yes       yes    no
    #   "\n" in a header separates lines     yes       no     no
    #   PATH_INFO of `OPTIONS *`             ""        "*"    "*"
    #   rack.hijack must be callable         yes       no     no     (where rack.hijack? is true)
    #   to_ary may be asked of any body      no        yes    yes    (and closes it)
    class Rules
      # @return [String] as `Rack.release` gives it
      attr_reader :release

      # @return [Rules] of the Rack that is loaded
      def self.current
        new(::Rack.release)
      end

      # @param release [String] for example "2.2.7"
      def initialize(release)
        @release = release
        @major, @minor = release.split(".").map(&:to_i)
      end

      # @return [Boolean] whether this is Rack 2
      def rack2?
        @major < 3
      end

      # @return [Boolean]
      def rewindable_input?
        rack2?
      end

      # @return [Boolean]
      def newline_separates_header_lines?
        rack2?
      end

      # @return [Boolean]
      def asterisk_is_a_path?
        !rack2?
      end

      # @return [Boolean]
      def hijack_must_be_callable?
        rack2?
      end

      # @return [Boolean]
      def to_ary_closes?
        !rack2?
      end

      # @return [Boolean]
      def http_version_variable?
        rack2? || (@major == 3 && @minor.zero?)
      end

      # The variables that only Rack 2 asks for.
      # @param threads [Integer] slots of this process
      # @return [Hash{String => Object}]
      def process_variables(threads:)
        return {} unless rack2?

        {
          "rack.version" => [1, 6].freeze,
          "rack.multithread" => threads > 1,
          # Another process can dial in at any time.
          "rack.multiprocess" => true,
          "rack.run_once" => false,
        }
      end
    end
  end
end
