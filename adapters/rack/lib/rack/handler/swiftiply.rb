# frozen_string_literal: true

require "rack/handler"
require_relative "../../swiftiply/rack/handler"

module Rack
  module Handler # :nodoc: Rack's own
    # `rackup -s swiftiply` with Rack 2.
    module Swiftiply
      extend ::Swiftiply::Rack::Handler
    end

    register :swiftiply, Swiftiply
  end
end
