require_relative "boot"

require "rails"
require "active_model/railtie"
require "active_record/railtie"
require "action_controller/railtie"
require "action_view/railtie"

Bundler.require(*Rails.groups)

module Guestbook
  class Application < Rails::Application
    config.load_defaults 6.1

    # There is no asset pipeline: public/style.css is the only asset.
    config.public_file_server.enabled = true
  end
end
