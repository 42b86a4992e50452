# frozen_string_literal: true

module Swiftiply
  module Rack
    # Makes `SWIFTIPLY=1 bin/rails server` serve through Swiftiply. Rails loads the app before it looks for a server, so this
    # is in time; `rails server -u` and a RACK_HANDLER that is set already are left alone.
    class Railtie < ::Rails::Railtie
      # @param variables [Hash, ENV]
      # @return [void]
      def self.choose_server(variables)
        return if ["", "0"].include?(variables["SWIFTIPLY"].to_s)

        # Rack 2 knows the first; rackup, with Rack 3, the second, and with it does not complain of the first.
        variables["RACK_HANDLER"] ||= "swiftiply"
        variables["RACKUP_HANDLER"] ||= variables["RACK_HANDLER"]
      end

      choose_server(ENV)
    end
  end
end
