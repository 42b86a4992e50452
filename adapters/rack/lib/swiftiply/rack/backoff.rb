# frozen_string_literal: true

require_relative "limits"

module Swiftiply
  module Rack
    # How long to wait before a process that died is started again. Knows no clock: lifetimes come in, pauses go out.
    class Backoff
      def initialize
        @deaths = 0
      end

      # @param lived_s [Numeric] how long the process had lived
      # @return [Numeric] seconds to wait
      def pause_after(lived_s)
        @deaths = 0 if lived_s >= Limits::RESTART_FORGIVEN_AFTER_S
        @deaths += 1
        return 0 if @deaths == 1

        [Limits::RESTART_PAUSE_S_MIN * (2**[@deaths - 2, 16].min), Limits::RESTART_PAUSE_S_MAX].min
      end
    end
  end
end
