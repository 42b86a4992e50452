# frozen_string_literal: true

module Swiftiply
  module Rack
    # Makes a request what `rack.early_hints` has to be: something to call with headers.
    module EarlyHints
      # Sends a 103 reply ahead of the final one.
      # @param headers [Hash{String => String, Array<String>}]
      # @return [nil]
      def call(headers)
        fields = []
        headers.each do |name, values|
          Array(values).each { |value| value.to_s.split("\n").each { |line| fields.push(name.to_s, line) } }
        end
        reply.inform(103, fields) unless fields.empty?
        nil
      end
    end
  end
end
