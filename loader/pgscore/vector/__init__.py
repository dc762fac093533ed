"""Programs evaluated for whole columns, in numpy: to the last bit as the runtime's interpreter walks them."""
