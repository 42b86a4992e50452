# frozen_string_literal: true

require_relative "../errors"

module Swiftiply
  module Rack
    # Takes the chunked coding off a body that an app has put on by itself: Rack::Chunked and the streaming of Rails before
    # 7.1 do so, and say `Transfer-Encoding: chunked`. On the link a body has no coding.
    class Dechunk
      # @param body [#each] yields chunked bytes, cut anywhere
      def initialize(body)
        @body = body
        @pending = String.new(encoding: Encoding::BINARY)
        @left = 0
        @ended = false
      end

      # Yields the data of each chunk as it comes. What follows the last chunk, trailers, is left out.
      # @raise [BadReply] when the coding is broken or stops before its last chunk
      def each
        @body.each do |bytes|
          next if @ended || bytes.nil?

          @pending << bytes.b
          while (data = next_data)
            yield data
          end
        end
        raise BadReply, "the app's chunked body stops before its last chunk" unless @ended
      end

      private

      SIZE_LINE = /\A(?:\r\n)?(\h{1,15})(?:;[^\r\n]*)?\r\n/n
      SIZE_LINE_BYTES_MAX = 4096
      private_constant :SIZE_LINE, :SIZE_LINE_BYTES_MAX

      def next_data
        read_size if @left.zero?
        return if @left.zero? || @pending.empty?

        data = @pending.slice!(0, @left)
        @left -= data.bytesize
        data
      end

      def read_size
        return if @ended

        line = SIZE_LINE.match(@pending)
        unless line
          return unless @pending.bytesize > SIZE_LINE_BYTES_MAX || @pending.match?(/[^\r]\n/n)

          raise BadReply, "the app says Transfer-Encoding: chunked, but its body is not chunked"
        end
        @pending = line.post_match
        @left = line[1].hex
        @ended = @left.zero?
      end
    end
  end
end
