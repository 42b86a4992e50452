# frozen_string_literal: true

module Swiftiply
  module Rack
    # What an exception has to say, whatever it is made of: an app's own exception may have a message in any encoding, or one
    # that raises by itself.
    module ErrorText
      # @param error [Exception]
      # @return [String] message, backtrace and causes, in valid UTF-8
      def self.of(error)
        utf8(error.full_message(highlight: false, order: :top))
      rescue StandardError
        "#{error.class}, whose message cannot be shown: #{error.backtrace&.first}"
      end

      # @param text [String]
      # @return [String]
      def self.utf8(text)
        text.dup.force_encoding(Encoding::UTF_8).scrub
      end
    end
  end
end
