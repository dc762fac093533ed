// What genmodel, H2O's own library for MOJOs, gives for rows: make_mojo.py compiles and calls it.
//
// Arguments: pairs of a MOJO and a file of rows. The file's first line names the columns; a value is n: and a number as
// Java reads it, t: and a text in URL encoding, or nothing where it is missing. Beside it comes a file .out: for each row
// the label where there is one and the numbers, or "error" where genmodel raises one.

import hex.ModelCategory;
import hex.genmodel.MojoModel;
import hex.genmodel.easy.EasyPredictModelWrapper;
import hex.genmodel.easy.RowData;
import java.io.PrintWriter;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.List;

public class ScoreMojo {
  public static void main(String[] args) throws Exception {
    for (int i = 0; i < args.length; i += 2) {
      try (PrintWriter out = new PrintWriter(args[i + 1] + ".out", "UTF-8")) {
        score(args[i], Files.readAllLines(Paths.get(args[i + 1])), out);
      }
    }
  }

  static void score(String mojo, List<String> lines, PrintWriter out) throws Exception {
    MojoModel model;
    try {
      model = MojoModel.load(mojo);
    } catch (Throwable error) {
      out.println("unreadable\t" + error);
      return;
    }
    // As hex.genmodel.tools.PredictCsv has it, which h2o.mojo_predict_pandas calls.
    EasyPredictModelWrapper wrapper = new EasyPredictModelWrapper(new EasyPredictModelWrapper.Config()
        .setModel(model).setConvertUnknownCategoricalLevelsToNa(true));
    String[] names = lines.get(0).split("\t", -1);
    for (String line : lines.subList(1, lines.size())) {
      RowData row = new RowData();
      double offset = 0;
      String[] values = line.split("\t", -1);
      for (int i = 0; i < names.length; i++) {
        String name = URLDecoder.decode(names[i], "UTF-8");
        if (values[i].isEmpty()) continue;
        String value = values[i].substring(2);
        if (name.equals(model.getOffsetName())) offset = Double.parseDouble(value);
        else if (values[i].startsWith("n:")) row.put(name, Double.valueOf(value));
        else row.put(name, URLDecoder.decode(value, "UTF-8"));
      }
      out.println(answer(model, wrapper, row, offset));
    }
  }

  static String answer(MojoModel model, EasyPredictModelWrapper wrapper, RowData row, double offset) {
    StringBuilder found = new StringBuilder();
    try {
      double[] preds = wrapper.predictRaw(row, offset);
      ModelCategory category = model.getModelCategory();
      boolean classes = category == ModelCategory.Binomial || category == ModelCategory.Multinomial
          || category == ModelCategory.Ordinal;
      if (classes) {
        String[] domain = model.getDomainValues(model.getResponseIdx());
        String label = domain == null ? "" + (int) preds[0] : domain[(int) preds[0]];
        found.append(URLEncoder.encode(label, "UTF-8"));
      }
      int count = category == ModelCategory.Regression ? 1 : preds.length;
      for (int i = classes ? 1 : 0; i < count; i++) {
        if (found.length() > 0 || i > 0) found.append('\t');
        found.append(preds[i]);
      }
      return found.toString();
    } catch (Throwable error) {
      return "error\t" + error;
    }
  }
}
