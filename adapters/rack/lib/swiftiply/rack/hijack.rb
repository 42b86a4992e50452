# frozen_string_literal: true

require "socket"
require_relative "../errors"

module Swiftiply
  module Rack
    # `rack.hijack` of a request that offers an upgrade: called, it gives the app the client's connection as a real socket, for
    # a thread to read or for an event loop to watch. The app writes HTTP/1 on it, a 101 first (or a refusal).
    #
    # The slot stays taken while the app's thread is in the app. Once that has come back and a 101 was written, the connection
    # is a tunnel: it lives on beside the slots.
    class Hijack
      # @param request [Swiftiply::Request]
      # @param env [Hash]
      def initialize(request, env)
        @request = request
        @env = env
        @io = nil
      end

      # @return [UNIXSocket] the same one each time
      def call
        @io || take
      end

      # @return [Boolean] whether the app has taken the connection
      def taken?
        !@io.nil?
      end

      # @param request [Swiftiply::Request]
      # @param head_is_sent [Boolean] whether the reply has begun, so that what the app writes is not a head any more
      # @return [UNIXSocket]
      def self.socket(request, head_is_sent:)
        socket = UNIXSocket.for_fd(request.hand_over(head_is_sent))
        socket.binmode
        socket.sync = true
        socket
      end

      private

      def take
        @request.reply.hold_slot
        @env["rack.hijack_io"] = @io = Hijack.socket(@request, head_is_sent: false)
      end
    end
  end
end
