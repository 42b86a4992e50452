# frozen_string_literal: true

# A Sinatra app, written without a server in mind.

require "sinatra/base"

class Greeting < Sinatra::Base
  enable :sessions
  set :session_secret, "0" * 64

  get "/" do
    session[:visits] = session[:visits].to_i + 1
    "visit #{session[:visits]} from #{request.ip}"
  end

  post "/" do
    "hello #{params[:name]}"
  end
end

run Greeting
