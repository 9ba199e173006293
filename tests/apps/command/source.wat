some source
