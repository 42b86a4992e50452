# frozen_string_literal: true

module Swiftiply
  module Rack
    # The app that a rackup file names.
    class App
      # @return [String] the file, absolute
      attr_reader :path

      # @param path [String] of a rackup file, or of a Ruby file that defines a constant of its name
      # @param environment [String] "development", "production", ...
      # @param environment_given [Boolean] whether it was asked for on the command line
      def initialize(path, environment, environment_given: false)
        @path = path
        @environment = environment
        @environment_given = environment_given
      end

      # @return [#call]
      # @raise [Exception] whatever the app raises
      def load
        ENV["RACK_ENV"] = @environment
        ENV["RAILS_ENV"] = @environment if @environment_given
        settle_gems
        require "rack"
        # Rack 2's Lint calls every host invalid where nobody has loaded this.
        require "uri"
        app, = ::Rack::Builder.parse_file(path)
        app
      end

      private

      # An app of Rails sets up Bundler in config/boot; before that, no gem may be loaded in a version that its Gemfile.lock
      # does not name, and Rack would be the first.
      def settle_gems
        boot = File.join(File.dirname(path), "config", "boot.rb")
        require boot if File.file?(boot)
      end
    end
  end
end
