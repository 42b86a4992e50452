# One page of Rails: a route, a controller, a template in a layout. In production, without a database or assets.
require "rails"
require "action_controller/railtie"
require "action_view/railtie"

class Bench < Rails::Application
  config.root = __dir__
  config.eager_load = false
  config.cache_classes = true
  config.consider_all_requests_local = false
  config.secret_key_base = "0" * 64
  config.hosts.clear
  config.logger = Logger.new(IO::NULL)
  config.public_file_server.enabled = false
  config.action_view.cache_template_loading = true
end

Bench.initialize!

class HelloController < ActionController::Base
  prepend_view_path File.join(__dir__, "rails_views")
  layout "page"

  def show
    @numbers = (1..10)
  end
end

Bench.routes.draw { get "/", to: "hello#show", as: :hello }

run Bench
