#include "ufs/s3/xml.h"

#include <gtest/gtest.h>

namespace forebay::ufs {
namespace {

TEST(Xml, reads_a_listing_with_encoded_names) {
  Result<S3Listing> listing = parse_listing(
      R"(<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType>
      <IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>
      <Contents><Key>a%2Bb+c</Key><LastModified>2024-05-06T07:08:09.250Z</LastModified><ETag>&quot;abc&quot;</ETag><Size>7</Size></Contents>
      <CommonPrefixes><Prefix>d%C3%A4/</Prefix></CommonPrefixes></ListBucketResult>)");
  ASSERT_TRUE(listing) << listing.error().to_string();
  ASSERT_EQ(listing->entries.size(), 2u);
  EXPECT_EQ(listing->entries[0].key, "a+b c");
  EXPECT_EQ(listing->entries[0].length, 7u);
  EXPECT_EQ(listing->entries[0].identity.text, "abc");
  EXPECT_EQ(listing->entries[0].mtime_ns, 1'714'979'289'250'000'000);
  EXPECT_EQ(listing->entries[1].key, "dä/");
  EXPECT_TRUE(listing->entries[1].is_directory);
  EXPECT_EQ(listing->token, "t&1");
}

TEST(Xml, refuses_what_is_hostile) {
  std::string deep = "<ListBucketResult>";
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  const std::string entities =
      R"(<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><ListBucketResult><Contents><Key>&b;&b;&b;</Key>)"
      R"(<ETag>e</ETag></Contents></ListBucketResult>)";
  EXPECT_EQ(parse_listing(deep).error().code(), Code::kCorrupt);
  EXPECT_EQ(parse_listing(std::string(9 << 20, ' ')).error().code(), Code::kCorrupt);
  EXPECT_EQ(parse_listing("<ListBucketResult><Contents>").error().code(), Code::kCorrupt);
  std::string hidden = "<ListBucketResult>";
  for (int i = 0; i < 20; ++i) hidden += "<a b='/>'>";
  for (int i = 0; i < 20; ++i) hidden += "</a>";
  EXPECT_EQ(parse_listing(hidden + "</ListBucketResult>").error().code(), Code::kCorrupt);
  EXPECT_EQ(
      parse_listing("<ListBucketResult><CommonPrefixes><Prefix>a</Prefix></CommonPrefixes></ListBucketResult>").error().code(),
      Code::kCorrupt);
  EXPECT_EQ(
      parse_uploads("<ListMultipartUploadsResult><Upload><Key>a</Key></Upload></ListMultipartUploadsResult>").error().code(),
      Code::kCorrupt);
  EXPECT_EQ(parse_listing("").error().code(), Code::kCorrupt);
  EXPECT_EQ(parse_listing("<html></html>").error().code(), Code::kCorrupt);
  EXPECT_EQ(parse_listing("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>").error().code(), Code::kCorrupt);
  Result<S3Listing> listing = parse_listing(entities);
  if (listing) {
    EXPECT_EQ(listing->entries[0].key, "&b;&b;&b;");  // not expanded
  } else {
    EXPECT_EQ(listing.error().code(), Code::kCorrupt);
  }
}

TEST(Xml, refuses_more_items_than_a_page_has) {
  std::string text = "<ListBucketResult>";
  for (int i = 0; i < 10'002; ++i) text += "<Contents><Key>a</Key></Contents>";
  EXPECT_EQ(parse_listing(text + "</ListBucketResult>").error().code(), Code::kCorrupt);
}

TEST(Xml, reads_errors_and_keeps_them_printable_and_short) {
  const S3Error error = parse_error("<Error><Code>NoSuchKey</Code><Message>line\none" + std::string(5000, 'x') +
                                    "</Message><RequestId>r1</RequestId><Region>eu-west-1</Region></Error>");
  EXPECT_EQ(error.code, "NoSuchKey");
  EXPECT_EQ(error.message.size(), 512u);
  EXPECT_EQ(error.message.substr(0, 8), "line one");
  EXPECT_EQ(error.region, "eu-west-1");
  EXPECT_EQ(parse_error("<html>Bad gateway</html>").code, "");
  EXPECT_EQ(parse_error("not xml").code, "");
}

TEST(Xml, writes_a_completion) {
  EXPECT_EQ(complete_document({{1, 0, 5, "a"}, {2, 5, 1, "b<&"}}),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>\"b&lt;&amp;\"</ETag></Part></CompleteMultipartUpload>");
}

TEST(Xml, decodes_urls_as_they_are) {
  EXPECT_EQ(url_decoded("a%20b+c%2B%zz%4"), "a b c+%zz%4");
  EXPECT_EQ(url_decoded("%e3%81%82"), "あ");
}

TEST(Xml, reads_both_kinds_of_time) {
  EXPECT_EQ(parse_iso_time("2013-05-24T00:00:00Z"), 1'369'353'600'000'000'000);
  EXPECT_EQ(parse_http_time("Fri, 24 May 2013 00:00:00 GMT"), 1'369'353'600'000'000'000);
  EXPECT_EQ(parse_iso_time("yesterday"), 0);
  EXPECT_EQ(parse_http_time(""), 0);
  EXPECT_EQ(parse_iso_time("6024-05-06T07:08:09Z"), 0);  // no such number of nanoseconds
  EXPECT_EQ(parse_http_time("Mon, 06 May 1824 07:08:09 GMT"), 0);
}

}  // namespace
}  // namespace forebay::ufs
