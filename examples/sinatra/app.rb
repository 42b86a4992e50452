# frozen_string_literal: true

require "fileutils"
require "json"
require "sinatra/base"
require "uri"
require_relative "links"
require_relative "secret"

class ShortLinks < Sinatra::Base
  DATA = ENV.fetch("DATA_DIR", File.join(__dir__, "tmp"))
  FileUtils.mkdir_p(DATA)

  LINKS = Links.new(File.join(DATA, "links.sqlite3"))
  YOURS_MAX = 20
  WEB_ADDRESS = %r{\Ahttps?://[^\s/?#]+\S*\z}i
  # People write addresses with letters that a Location header may not have.
  NOT_IN_A_HEADER = /[^!-~]|["<>\\^`{|}]/

  set :root, __dir__
  set :sessions, same_site: :lax, httponly: true
  set :session_secret, Secret.read(DATA)
  use Rack::Protection::AuthenticityToken

  helpers do
    def h(text)
      Rack::Utils.escape_html(text)
    end

    def authenticity_tag
      %(<input type="hidden" name="authenticity_token" value="#{h Rack::Protection::AuthenticityToken.token(session)}">)
    end
  end

  before { @notice = session.delete(:notice) if request.get? }

  get "/" do
    @links = LINKS.recent
    @yours = LINKS.of(session[:yours] || [])
    erb :index
  end

  post "/links" do
    url = params["url"].to_s.strip
    unless url.match?(WEB_ADDRESS)
      @error = "“#{url}” is not a web address. It should begin with http:// or https://."
      @links = LINKS.recent
      @yours = []
      halt 422, erb(:index)
    end
    code = LINKS.add(url)
    session[:yours] = ((session[:yours] || []) << code).last(YOURS_MAX)
    session[:notice] = "Made: #{uri("/#{code}")}"
    redirect to("/"), 303
  end

  get "/links.json" do
    content_type :json
    JSON.generate(LINKS.recent.map { |link| link.to_h.merge(short: uri("/#{link.code}")) })
  end

  # One line per link, sent as it is read.
  get "/links.txt" do
    content_type :text
    stream do |out|
      LINKS.each { |link| out << "#{link.code} #{link.hits} #{link.url}\n" }
    end
  end

  get %r{/([a-z2-9]{6})} do |code|
    url = LINKS.visit(code) || halt(404, erb(:missing))
    redirect URI::DEFAULT_PARSER.escape(url, NOT_IN_A_HEADER)
  end

  not_found { erb :missing }
end
