# frozen_string_literal: true

require_relative "../errors"
require_relative "env"
require_relative "error_page"
require_relative "hijack"
require_relative "reply_writer"

module Swiftiply
  module Rack
    # What all exchanges of a process share.
    # @!attribute app [#call]
    # @!attribute env [Env]
    # @!attribute rules [Rules]
    # @!attribute writer [ReplyWriter]
    # @!attribute error_page [ErrorPage]
    # @!attribute log [Log]
    # @!attribute rack_headers [Class] in which Rack itself keeps the headers of a reply
    Service = Struct.new(:app, :env, :rules, :writer, :error_page, :log, :rack_headers, keyword_init: true) do
      # @param app [#call]
      # @param log [Log]
      # @param threads [Integer] slots of this process
      # @param early_hints [Boolean]
      # @param show_errors [Boolean] whether the page for an exception tells what it was
      # @param errors [#puts, #write, #flush] becomes `rack.errors`
      # @return [Service]
      def self.for(app, log:, threads: 1, early_hints: true, show_errors: false, errors: $stderr, rules: Rules.current)
        env = Env.new(rules: rules, errors: errors, threads: threads, early_hints: early_hints)
        new(app: app, env: env, rules: rules, writer: ReplyWriter.new(rules), log: log,
            error_page: ErrorPage.new(show_errors), rack_headers: rack_headers)
      end

      # @return [Class] of this Rack
      def self.rack_headers
        defined?(::Rack::Headers) ? ::Rack::Headers : ::Rack::Utils::HeaderHash
      end

      # @param request [Swiftiply::Request]
      # @return [void]
      def call(request)
        Exchange.new(request, self).run
      end
    end

    # One request and its reply: the app is called with the environment, its answer is sent, and whatever happens the body
    # is closed once, the app's callbacks run, and the slot is free again.
    class Exchange
      # @param request [Swiftiply::Request]
      # @param service [Service]
      def initialize(request, service)
        @request = request
        @service = service
        # What else there is to remember comes when it is needed: most exchanges end before.
      end

      # @return [void]
      def run
        @env = @service.env.build(@request)
        @input = @service.env.add_body(@env, @request) if @request.body?
        return refuse_upgrade if @request.upgrade? && !offer_hijack
        status, headers, body = @service.app.call(@env)
        return hijacked(body) if @hijack&.taken?
        answered = !@input && !callbacks? && @request.answer(status, headers, body, @service.rack_headers)
        send_reply(status, headers, body) unless answered
      rescue Exception => error # rubocop:disable Lint/RescueException -- an `exit` in an app ends its request only
        failed(error)
      ensure
        wind_up unless answered
      end

      private

      # Whoever may be given the connection needs one of the process's tunnels.
      def offer_hijack
        return false unless @request.claim_tunnel

        @env["rack.hijack"] = @hijack = Hijack.new(@request, @env)
        true
      end

      def refuse_upgrade
        @outcome = :ended
        @service.log.warn("#{described}: answered 503, since this process has no more tunnels (--tunnels)")
        reply.send_whole(503, REFUSAL, "This process has as many upgraded connections as it may have.\n")
      end

      REFUSAL = ["content-type", "text/plain", "retry-after", "5"].freeze
      private_constant :REFUSAL

      # The connection is the app's; what it returns says nothing (SPEC: "the application ... must ignore").
      def hijacked(body)
        @body = body
        @outcome = :hijacked
      end

      def send_reply(status, headers, body)
        @status = status
        @headers = headers
        @body = body
        head = ReplyHead.new(status, headers, @service.rules)
        if callbacks? || body.respond_to?(:close) || head.switches?
          # The client gets its answer now, but the next request must not come before this thread is done.
          reply.hold_slot
          @slot_held = true
        end
        @outcome = @service.writer.write(head, body, @request, reply, @input || NoInput::ONE)
      end

      def failed(error)
        @error = error
        @outcome = :failed
        if client_left?(error)
          reply.abort("the client left")
          @service.log.debug("#{described}: #{error.message}")
        else
          @service.log.exception(error, "the app failed on #{described}")
          answer(error)
        end
      end

      # A reply that has begun cannot become an error page any more: it is cut, so that nobody takes it for whole.
      def answer(error)
        # What was announced is there, and what the app gave beyond it is not sent.
        return reply.finish if error.is_a?(BodyTooLong)
        return reply.abort("the app failed: #{error.class}") if reply.started? || @hijack&.taken?

        @service.error_page.send_to(reply, error)
      rescue Error => error
        @service.log.debug("#{described}: no error page: #{error.message}")
      end

      # Also when the app met it while it read or wrote, and wrapped it in an exception of its own.
      def client_left?(error)
        [ClientGone, LinkLost, BodyCut].any? { |type| error.is_a?(type) } ||
          (@request.disconnected? && error.is_a?(IOError))
      end

      def described
        ErrorText.utf8("#{@request.request_method} #{@request.path}")
      end

      def wind_up
        # Nothing has been said yet if the thread was killed within the app.
        reply.abort("the app's thread was ended") unless @outcome
        close_body
        run_callbacks
        @input.discard if @input.is_a?(RewindableInput) && @outcome != :hijacked
      ensure
        reply.release_slot if @slot_held || @hijack&.taken?
      end

      def close_body
        @body.close if @outcome != :body_closed && @body.respond_to?(:close)
      rescue Exception => error # rubocop:disable Lint/RescueException
        @error ||= error
        @service.log.exception(error, "the app failed to close its body after #{described}")
      end

      def run_callbacks
        callbacks("rack.response_finished").reverse_each do |callback|
          guarded { callback.call(@env, @status, @headers, @error) }
        end
        callbacks("rack.after_reply").each { |callback| guarded { callback.call } }
      end

      def reply
        @reply ||= @request.reply
      end

      def callbacks?
        !(callbacks("rack.response_finished").empty? && callbacks("rack.after_reply").empty?)
      end

      def callbacks(key)
        (@env && @env[key]) || NONE
      end

      NONE = [].freeze
      private_constant :NONE

      def guarded
        yield
      rescue Exception => error # rubocop:disable Lint/RescueException
        @service.log.exception(error, "a callback failed after #{described}")
      end
    end
  end
end
