reset search_path;
reset role;
