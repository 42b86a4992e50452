# frozen_string_literal: true

require_relative "error_text"

module Swiftiply
  module Rack
    # The reply to a request whose app raised before its own reply had begun.
    class ErrorPage
      STATUS = 500

      # @param show_errors [Boolean] whether the page tells what happened; for development only
      def initialize(show_errors)
        @show_errors = show_errors
      end

      # @param error [Exception]
      # @param reply [Swiftiply::Reply]
      # @return [void]
      def send_to(reply, error)
        text = page(error)
        fields = ["content-type", "text/plain; charset=utf-8", "content-length", text.bytesize.to_s]
        reply.send_whole(STATUS, fields, text)
      end

      private

      def page(error)
        return "500 Internal Server Error\n" unless @show_errors

        "500 Internal Server Error\n\n#{ErrorText.of(error)}\n"
      end
    end
  end
end
