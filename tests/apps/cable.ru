# Action Cable as a Rails app mounts it: a chat that everybody hears, for those who say who they are.
require "logger"
require "action_controller/railtie"
require "action_cable/engine"

class App < Rails::Application
  config.load_defaults 6.1
  config.eager_load = false
  config.secret_key_base = "0" * 64
  config.logger = Logger.new($stderr, level: :warn)
  config.hosts.clear
  config.action_cable.disable_request_forgery_protection = true
  config.action_cable.mount_path = "/cable"
end

class Connection < ActionCable::Connection::Base
  identified_by :name

  def connect
    self.name = request.params[:name] || reject_unauthorized_connection
  end
end

class ChatChannel < ActionCable::Channel::Base
  def subscribed
    stream_from("chat")
  end

  def speak(data)
    ActionCable.server.broadcast("chat", { from: connection.name, said: data["what"] })
  end
end

App.initialize!
App.routes.draw { get "/", to: ->(_env) { [200, { "content-type" => "text/plain" }, ["page"]] } }
ActionCable.server.config.cable = { "adapter" => "async" }
ActionCable.server.config.connection_class = -> { Connection }
run App
