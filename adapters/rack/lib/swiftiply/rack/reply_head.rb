# frozen_string_literal: true

require_relative "../errors"

module Swiftiply
  module Rack
    # Status and headers as an app gave them, brought into the form that travels: a number, and names and values in turn.
    # The connector refuses values with CR, LF or NUL and names that are no token, and drops what speaks of the connection.
    class ReplyHead
      # @return [Integer] 200 to 599
      attr_reader :status
      # @return [Array<String>] name, value, name, value, ...
      attr_reader :fields
      # @return [Integer, nil] from Content-Length
      attr_reader :length
      # @return [#call, nil] the `rack.hijack` header
      attr_reader :hijack

      SPECIAL_FIELDS = %w[content-length transfer-encoding status rack.hijack].to_h { |name| [name, true] }.freeze
      private_constant :SPECIAL_FIELDS

      # @param status [Integer, #to_i]
      # @param headers [#each] yields name and value
      # @param rules [Rules]
      # @raise [BadReply]
      def initialize(status, headers, rules)
        @status = status.to_i
        unless @status.between?(200, 599) || switches?
          raise BadReply, "the app's status is #{status.inspect}: it must be 200 to 599, or 101 (informational replies " \
                          "go through rack.early_hints)"
        end
        @fields = []
        @length = @hijack = nil
        @chunked = false
        @splits = rules.newline_separates_header_lines?
        headers&.each do |name, value|
          name = name.to_s
          key = name.downcase
          if SPECIAL_FIELDS.key?(key)
            special(key, name, value)
          elsif !key.start_with?("rack.")
            add(name, value)
          end
        end
        # Of the two the coding counts (RFC 9112 section 6.3), and it is taken off.
        forget_length if @chunked
      end

      # @return [Boolean] whether the app put the chunked coding on its body
      def chunked?
        @chunked
      end

      # @return [Boolean] whether the connection becomes a tunnel
      def switches?
        @status == 101
      end

      # @return [Boolean] whether HTTP has no body with this status (RFC 9110 section 15)
      def bodiless?
        @status == 204 || @status == 304
      end

      # Adds the length of a body that is known to be whole; an app's own Content-Length stands.
      # @return [void]
      def length_is(bytes)
        return if @length || bodiless?

        @length = bytes
        @fields.push("content-length", bytes.to_s)
      end

      private

      def add(name, value)
        case value
        when String
          add_lines(name, value)
        when Array
          value.each { |one| add(name, one) }
        else
          add_lines(name, value.to_s) unless value.nil?
        end
      end

      def add_lines(name, text)
        if @splits && text.include?("\n")
          text.split("\n").each { |line| @fields.push(name, line) }
        else
          @fields.push(name, text)
        end
      end

      def special(key, name, value)
        return if value.nil?

        case key
        when "rack.hijack"
          @hijack = value
        when "transfer-encoding"
          @chunked = value.to_s.strip.casecmp?("chunked")
        when "content-length"
          self_declared_length(name, value)
        end
      end

      # The connector refuses what is no number.
      def self_declared_length(name, value)
        text = (value.is_a?(Array) ? value.first : value).to_s
        # No length is allowed here (RFC 9110 section 8.6), and frameworks set one all the same.
        return if @status == 204

        @length = text.to_i
        @length_at = @fields.size
        @fields.push(name, text)
      end

      def forget_length
        @fields.slice!(@length_at, 2) if @length
        @length = nil
      end
    end
  end
end
