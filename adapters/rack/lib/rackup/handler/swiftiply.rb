# frozen_string_literal: true

require "rackup/handler"
require_relative "../../swiftiply/rack/handler"

module Rackup
  module Handler # :nodoc: rackup's own
    # `rackup -s swiftiply` with Rack 3.
    module Swiftiply
      extend ::Swiftiply::Rack::Handler
    end

    register :swiftiply, Swiftiply
  end
end
