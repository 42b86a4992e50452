# frozen_string_literal: true

# A Rails app as small as it can be, written without a server in mind.

require "rails"
require "action_controller/railtie"
require "swiftiply-rack"

class PagesController < ActionController::Base
  def index
    render plain: "Rails #{Rails.version} for #{request.remote_ip} at #{request.url}"
  end

  def create
    render json: { got: params[:name], length: request.content_length }
  end
end

class Application < Rails::Application
  config.root = File.expand_path("..", __dir__)
  config.eager_load = false
  config.secret_key_base = "0" * 64
  config.hosts.clear
  config.logger = Logger.new($stderr)
  routes.append do
    root to: "pages#index"
    post "/" => "pages#create"
  end
end
