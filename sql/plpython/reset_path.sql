reset search_path;
