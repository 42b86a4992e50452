# frozen_string_literal: true

module Swiftiply
  module Rack
    # The variables of a request: a plain translation of its head.
    #
    # The compiled library does the same in one pass (`Request#environment`), and a test holds the two against each other:
    # this is the readable form, and what runs where a request is not a native one.
    module Variables
      # Those that nearly every request has. In a template each has its place and, as its value, its number; the compiled
      # library numbers them in this order.
      NUMBERED = %w[
        REQUEST_METHOD SCRIPT_NAME PATH_INFO REQUEST_PATH QUERY_STRING REQUEST_URI SERVER_PROTOCOL rack.url_scheme
        HTTP_HOST SERVER_NAME SERVER_PORT REMOTE_ADDR HTTP_VERSION
        HTTP_X_FORWARDED_FOR HTTP_X_FORWARDED_PROTO HTTP_X_FORWARDED_HOST HTTP_X_FORWARDED_PORT
        rack.response_finished rack.after_reply swiftiply.request rack.early_hints
      ].each(&:freeze).freeze

      SPECIAL_NAMES = {
        "content-type" => "CONTENT_TYPE",
        # Known from the body that travels, not from what a client wrote; the authority likewise.
        "content-length" => nil,
        "transfer-encoding" => nil,
        "host" => nil,
      }.freeze
      DEFAULT_PORTS = { "http" => "80", "https" => "443" }.freeze

      class << self
        # @param constants [Hash{String => Object}] what is the same in every environment; none is an Integer
        # @param without [Array<String>] of those that are {NUMBERED}
        # @return [Hash] the template of all environments
        def template(constants, without: [])
          NUMBERED.each_with_index.to_h.except(*without).merge(constants).freeze
        end

        # @param template [Hash] as {template} gives it
        # @param request [#request_method, #headers] with the readers of Swiftiply::Request
        # @return [Hash] a new one
        def environment(template, request)
          env = template.reject { |_key, value| value.is_a?(Integer) }
          fill_target(env, request)
          fill_addresses(env, request)
          request.headers.each { |name, value| add_header(env, name, value) }
          env["CONTENT_LENGTH"] = request.content_length.to_s if request.content_length
          # Last, because a client's own `Version` header would have the same name.
          env["HTTP_VERSION"] = request.version.b if template.key?("HTTP_VERSION")
          fill_own(env, template, request)
          env
        end

        private

        def fill_target(env, request)
          path = request.path
          query = request.query
          env["REQUEST_METHOD"] = request.request_method.b
          env["SCRIPT_NAME"] = "".b
          env["PATH_INFO"] = path.b
          env["REQUEST_PATH"] = path.b
          env["QUERY_STRING"] = query ? query.b : "".b
          env["REQUEST_URI"] = (query ? "#{path}?#{query}" : path).b
          env["SERVER_PROTOCOL"] = request.version.b
          env["rack.url_scheme"] = request.scheme.b
        end

        def fill_addresses(env, request)
          authority = request.authority
          host, port = split(authority)
          local_host, local_port = request.local
          env["HTTP_HOST"] = authority.b unless authority.empty?
          env["SERVER_NAME"] = (host || bracketed(local_host) || "localhost").b
          env["SERVER_PORT"] = (port || (local_port unless host)&.to_s || DEFAULT_PORTS.fetch(request.scheme)).b
          # A client on a Unix socket has no address; Rack apps expect one, and it is on this machine.
          env["REMOTE_ADDR"] = (request.peer&.first || "127.0.0.1").b
        end

        def fill_own(env, template, request)
          env["rack.response_finished"] = []
          env["rack.after_reply"] = []
          env["swiftiply.request"] = request
          # Clients of HTTP/1.0 understand no informational replies.
          env["rack.early_hints"] = request if template.key?("rack.early_hints") && request.version != "HTTP/1.0"
        end

        # "example.com:80", "[::1]:80", "example.com"; an empty authority (HTTP/1.0) has neither part.
        def split(authority)
          return if authority.empty?

          host, colon, port = authority.rpartition(":")
          return [authority, nil] if colon.empty? || authority.end_with?("]")

          [host, port.empty? ? nil : port]
        end

        def bracketed(address)
          address&.include?(":") ? "[#{address}]" : address
        end

        def add_header(env, name, value)
          lower = name.downcase
          key = SPECIAL_NAMES.fetch(lower) { "HTTP_#{name.upcase.tr("-", "_")}" }
          return unless key

          # Fields of one name are one list (RFC 9110 section 5.3); cookies have their own separator (RFC 6265 section 5.4).
          separator = lower == "cookie" ? "; " : ", "
          env[key] = env.key?(key) ? "#{env[key]}#{separator}#{value}".b : value.b
        end
      end
    end
  end
end
