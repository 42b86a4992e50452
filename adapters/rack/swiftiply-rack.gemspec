# frozen_string_literal: true

require_relative "lib/swiftiply/version"

# The gem that is compiled on install. `package` stages the sources of the native library beside this file and makes the
# platform gem from the same specification.
Gem::Specification.new do |spec|
  spec.name = "swiftiply-rack"
  spec.version = Swiftiply::VERSION
  spec.summary = "Serves Rack apps as backends of the Swiftiply proxy"
  spec.description = "An app server without a port: its processes dial the Swiftiply proxy, say how many requests they " \
                     "can run at once, and are served requests until they drain or die. Rails, Sinatra and every other " \
                     "Rack 2.2 or 3 app run unchanged."
  spec.authors = ["The Swiftiply authors"]
  spec.license = "MIT"
  spec.required_ruby_version = ">= 3.1"
  spec.metadata = { "rubygems_mfa_required" => "true" }

  spec.files = Dir.chdir(__dir__) do
    Dir["lib/**/*.rb", "exe/*", "sig/**/*.rbs", "ext/**/*", "*.md", "LICENSE"].select { |path| File.file?(path) }
  end
  spec.bindir = "exe"
  spec.executables = ["swiftiply-rack"]
  spec.extensions = ["ext/swiftiply/extconf.rb"]
  spec.add_dependency "rack", ">= 2.2", "< 4"
end
