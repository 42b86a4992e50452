# frozen_string_literal: true

require_relative "dechunk"
require_relative "hijack"
require_relative "limits"
require_relative "reply_head"
require_relative "stream"

module Swiftiply
  module Rack
    # Sends an app's reply: its head and whatever kind of body it has. Closing the body is the exchange's task.
    #
    #   Array          one piece, Content-Length computed
    #   to_path        the file, Content-Length computed
    #   to_ary         as Array (Rack 3, where to_ary closes the body; of Rack 2 its own BodyProxy)
    #   each           piece by piece, each leaves before the next is asked for
    #   call, hijack   a Stream to read and write
    class ReplyWriter
      # @param rules [Rules]
      def initialize(rules)
        @rules = rules
      end

      # @param head [ReplyHead]
      # @param body [Array, #each, #call]
      # @param input [Input] the request's body
      # @return [Symbol] `:ended`; `:body_closed` if the body has closed itself as well; `:hijacked` if the app will end it
      # @raise [BadReply] before anything was sent, when the body is none
      def write(head, body, request, reply, input)
        return hand_over(head, body, request, reply, input) if head.switches? || head.hijack
        return bodiless(head, body, reply) if head.bodiless? || request.request_method == "HEAD"
        return each(head, Dechunk.new(body), reply) if head.chunked? && body.respond_to?(:each)
        return array(head, body, reply) if body.is_a?(Array)
        return file(head, path_of(body), reply) if path_of(body)
        return to_ary(head, body, reply) if @rules.to_ary_closes? && body.respond_to?(:to_ary)
        return array(head, body.to_enum.to_a, reply) if wrapped_array?(body)
        return each(head, body, reply) if body.respond_to?(:each)
        return stream(head, body, reply, input) if body.respond_to?(:call)

        raise BadReply, "the app's body is a #{body.class}, which has neither each nor call"
      end

      private

      # The body of a HEAD request is not asked for, but its length is told if it costs nothing.
      def bodiless(head, body, reply)
        head.length_is(bytes_of(body)) if body.is_a?(Array) && !head.chunked?
        reply.send_whole(head.status, head.fields, "")
        :ended
      end

      def array(head, parts, reply)
        bytes = bytes_of(parts)
        head.length_is(bytes)
        if bytes <= Limits::JOIN_BYTES_MAX || parts.size == 1
          reply.send_whole(head.status, head.fields, joined(parts))
        else
          each(head, parts, reply)
        end
        :ended
      end

      def bytes_of(parts)
        return parts.first.to_s.bytesize if parts.size == 1

        parts.sum { |part| part.nil? ? 0 : part.to_s.bytesize }
      end

      def joined(parts)
        return parts.first.to_s if parts.size == 1

        parts.each_with_object(String.new(encoding: Encoding::BINARY)) { |part, whole| whole << part.to_s.b }
      end

      def to_ary(head, body, reply)
        parts = body.to_ary
        return each(head, body, reply) unless parts.is_a?(Array)

        array(head, parts, reply)
        :body_closed
      end

      # Most middleware of Rack 2 wraps the body, to hear of its end. Where this is an Array, all of it is there.
      def wrapped_array?(body)
        body.is_a?(::Rack::BodyProxy) && body.respond_to?(:to_ary) && body.to_ary.is_a?(Array)
      end

      def path_of(body)
        path = body.respond_to?(:to_path) && body.to_path
        path if path && ::File.file?(path) && ::File.readable?(path)
      end

      def file(head, path, reply)
        ::File.open(path, "rb") do |file|
          head.length_is(file.size)
          reply.start(head.status, head.fields)
          piece = String.new(capacity: Limits::FILE_PIECE_BYTES, encoding: Encoding::BINARY)
          left = head.length
          while left.positive? && file.read([left, Limits::FILE_PIECE_BYTES].min, piece)
            reply.write(piece)
            left -= piece.bytesize
          end
        end
        ended(reply)
      end

      # Nothing is sent before the first piece, so that an app that fails until then still gets its error page.
      def each(head, body, reply)
        begun = false
        body.each do |part|
          bytes = part.to_s
          next if bytes.empty?

          reply.start(head.status, head.fields) unless begun
          begun = true
          reply.write(bytes)
        end
        return ended(reply) if begun

        head.length_is(0)
        reply.send_whole(head.status, head.fields, "")
        :ended
      end

      def stream(head, body, reply, input)
        reply.start(head.status, head.fields)
        reply.flush
        stream = Stream.new(input, reply)
        body.call(stream)
        stream.close_write
        :ended
      end

      def ended(reply)
        reply.finish
        :ended
      end

      def hand_over(head, body, request, reply, input)
        return switch(head, body, request, reply) if head.switches?

        request.request_method == "HEAD" ? bodiless(head, body, reply) : hijack(head, reply, input)
      end

      # After a 101 there is a tunnel, and the app gets it as a socket: by its `rack.hijack` header, or as a streaming body.
      def switch(head, body, request, reply)
        taker = head.hijack || body
        raise BadReply, "a 101 needs a rack.hijack header or a body to call" unless taker.respond_to?(:call)

        reply.start(head.status, head.fields)
        reply.flush
        taker.call(Hijack.socket(request, head_is_sent: true))
        :hijacked
      end

      # The head is out when the app gets the stream; from then on the reply is the app's to end.
      def hijack(head, reply, input)
        reply.start(head.status, head.fields)
        reply.flush
        head.hijack.call(Stream.new(input, reply))
        :hijacked
      end
    end
  end
end
