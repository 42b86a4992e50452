# frozen_string_literal: true

require_relative "handler"

module Swiftiply
  module Rack
    # Makes `SWIFTIPLY=1 bin/rails server` serve through Swiftiply: Rails loads the app before it looks for a server, so this
    # is in time.
    class Railtie < ::Rails::Railtie
      Handler.choose(ENV)
    end
  end
end
