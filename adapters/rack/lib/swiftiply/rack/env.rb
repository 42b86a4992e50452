# frozen_string_literal: true

require_relative "../errors"
require_relative "../version"
require_relative "input"
require_relative "limits"
require_relative "rules"
require_relative "variables"

module Swiftiply
  module Rack
    # Makes the Rack environment of a request: the variables that never change, those of the request, and the objects
    # through which the app talks back.
    class Env
      # @param rules [Rules]
      # @param errors [#puts, #write, #flush] becomes `rack.errors`
      # @param threads [Integer] slots of this process
      # @param early_hints [Boolean] whether the app may send 103 replies
      # @param count_bodies [Boolean] whether a body of unknown length is received whole before the app is called, so
      #   that CONTENT_LENGTH can be told; see {Env.count_bodies?}
      def initialize(rules:, errors:, threads: 1, early_hints: true, count_bodies: Env.count_bodies?)
        @rules = rules
        @count_bodies = count_bodies
        @asterisk_is_a_path = rules.asterisk_is_a_path?
        without = []
        without << "HTTP_VERSION" unless rules.http_version_variable?
        without << "rack.early_hints" unless early_hints
        @template = Variables.template(constants(errors, threads), without: without)
      end

      # Action Dispatch reads exactly CONTENT_LENGTH bytes of a JSON body, none if it is absent (all of Rails 6 and 7.0).
      # So where it is loaded a chunked upload is counted first, as Puma does; everyone else gets it streamed.
      # @return [Boolean]
      def self.count_bodies?
        defined?(::ActionDispatch) ? true : false
      end

      # @param request [Swiftiply::Request]
      # @return [Hash] a new one, as for a request without a body
      def build(request)
        env = request.environment(@template)
        env["PATH_INFO"] = String.new unless @asterisk_is_a_path || env["PATH_INFO"] != "*"
        env
      end

      # Puts the body of a request that has one into its environment.
      # @param env [Hash] as {#build} gave it
      # @param request [Swiftiply::Request]
      # @return [Input] what is `rack.input` now, at its beginning
      def add_body(env, request)
        env["rack.input"] = input(env, request)
      end

      private

      def constants(errors, threads)
        constants = {
          "SERVER_SOFTWARE" => "swiftiply-rack/#{VERSION}",
          "GATEWAY_INTERFACE" => "CGI/1.2",
          "rack.errors" => errors,
          "rack.input" => NoInput::ONE,
          "rack.hijack?" => true,
        }
        constants["rack.hijack"] = FULL_HIJACK if @rules.hijack_must_be_callable?
        constants.merge(@rules.process_variables(threads: threads))
      end

      def input(env, request)
        return Input.new(request) unless @rules.rewindable_input? || counted?(request)

        input = RewindableInput.new(request)
        env["CONTENT_LENGTH"] = input.count.to_s if counted?(request)
        input
      end

      def counted?(request)
        @count_bodies && request.content_length.nil?
      end

      # Rack 2 takes `rack.hijack?` for both kinds of hijacking. Full hijacking is for connections that are upgraded: of any
      # other request the proxy keeps the connection.
      FULL_HIJACK = lambda do
        raise Unsupported, "swiftiply-rack #{VERSION} gives an app the raw connection (rack.hijack) only of a request that " \
                           "offers an upgrade: use a streaming body or the rack.hijack response header"
      end
      private_constant :FULL_HIJACK
    end
  end
end
