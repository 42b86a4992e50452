require "csv"

class Entry < ApplicationRecord
  validates :name, presence: true, length: { maximum: 60 }
  validates :message, presence: true, length: { maximum: 1000 }

  scope :newest_first, -> { order(created_at: :desc, id: :desc) }

  # The whole book as CSV, line by line, without ever holding all of it.
  def self.csv_lines
    return to_enum(:csv_lines) unless block_given?

    yield CSV.generate_line(%w[name message written])
    find_each { |entry| yield CSV.generate_line([entry.name, entry.message, entry.created_at.iso8601]) }
  end
end
