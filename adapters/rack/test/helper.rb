# frozen_string_literal: true

$LOAD_PATH.unshift(File.expand_path("../lib", __dir__))
# Another Rack than the installed one: RACK_LIB=/path/to/rack/lib
$LOAD_PATH.unshift(ENV["RACK_LIB"]) if ENV["RACK_LIB"]

# Rails brings a plugin that loads Rails into every test.
ENV["MT_NO_PLUGINS"] = "1"

require "minitest/autorun"
# Rack 2's Lint takes every host for invalid where this is missing.
require "uri"
require "rack"
require "rack/lint"
require "swiftiply/rack/exchange"
require "swiftiply/rack/log"
require_relative "fakes"

# One exchange over the fakes: gives the request, whose reply tells what the client would have got.
module Serving
  RACK2 = Swiftiply::Rack::Rules.new("2.2.7")
  RACK3 = Swiftiply::Rack::Rules.new("3.1.0")

  def serve(app, request = FakeRequest.new, rules: Swiftiply::Rack::Rules.current, **options)
    @log = StringIO.new
    log = Swiftiply::Rack::Log.new(io: @log, level: :debug)
    Swiftiply::Rack::Service.for(app, log: log, rules: rules, errors: @log, **options).call(request)
    request
  end

  # The reply of an app that gives just this.
  def reply_of(answer, request = FakeRequest.new, **options)
    serve(->(_env) { answer }, request, **options).reply
  end

  # The environment that an app would see.
  def env_of(request, **options)
    seen = nil
    serve(->(env) { (seen = env) && [200, {}, []] }, request, **options)
    seen
  end

  # A body that remembers what was done to it.
  class WatchedBody
    attr_reader :closed

    def initialize(parts)
      @parts = parts
      @closed = 0
    end

    def each(&block)
      @parts.each { |part| part.is_a?(Exception) ? raise(part) : block.call(part) }
    end

    def close
      @closed += 1
    end
  end
end
