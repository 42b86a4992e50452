module EntriesHelper
  def written_here?(entry)
    session[:written]&.include?(entry.id)
  end
end
