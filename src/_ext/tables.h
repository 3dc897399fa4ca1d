/* Made by tools/make_tables.py from kis/realtime.json, for table_reader.c. */
#ifndef AEGIS_TABLES_H
#define AEGIS_TABLES_H

#include "table_reader.h"

static const char form0_kinds[] =
    "steiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiieidiiiiiiiiiiiiiiiiiiiiiii";
static const char *const form0_names[] = {
    "MKSC_SHRN_ISCD", "BSOP_HOUR", "HOUR_CLS_CODE", "ASKP1", "ASKP2", "ASKP3", "ASKP4", "ASKP5",
    "ASKP6", "ASKP7", "ASKP8", "ASKP9", "ASKP10", "BIDP1", "BIDP2", "BIDP3", "BIDP4", "BIDP5",
    "BIDP6", "BIDP7", "BIDP8", "BIDP9", "BIDP10", "ASKP_RSQN1", "ASKP_RSQN2", "ASKP_RSQN3",
    "ASKP_RSQN4", "ASKP_RSQN5", "ASKP_RSQN6", "ASKP_RSQN7", "ASKP_RSQN8", "ASKP_RSQN9",
    "ASKP_RSQN10", "BIDP_RSQN1", "BIDP_RSQN2", "BIDP_RSQN3", "BIDP_RSQN4", "BIDP_RSQN5",
    "BIDP_RSQN6", "BIDP_RSQN7", "BIDP_RSQN8", "BIDP_RSQN9", "BIDP_RSQN10", "TOTAL_ASKP_RSQN",
    "TOTAL_BIDP_RSQN", "ANTC_CNPR", "ANTC_CNQN", "ANTC_CNTG_VRSS_SIGN", "ANTC_CNTG_VRSS",
    "ANTC_CNTG_PRDY_CTRT", "LP_ASKP_RSQN1", "LP_ASKP_RSQN2", "LP_ASKP_RSQN3", "LP_BIDP_RSQN4",
    "LP_ASKP_RSQN4", "LP_BIDP_RSQN5", "LP_ASKP_RSQN5", "LP_BIDP_RSQN6", "LP_ASKP_RSQN6",
    "LP_BIDP_RSQN7", "LP_ASKP_RSQN7", "LP_ASKP_RSQN8", "LP_BIDP_RSQN8", "LP_ASKP_RSQN9",
    "LP_BIDP_RSQN9", "LP_ASKP_RSQN10", "LP_BIDP_RSQN10", "LP_BIDP_RSQN1", "LP_TOTAL_ASKP_RSQN",
    "LP_BIDP_RSQN2", "LP_TOTAL_BIDP_RSQN", "LP_BIDP_RSQN3", "ANTC_VOL",
};
static const char form1_kinds[] =
    "steiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiediiiiieiieiiee";
static const char *const form1_names[] = {
    "MKSC_SHRN_ISCD", "BSOP_HOUR", "HOUR_CLS_CODE", "ASKP1", "ASKP2", "ASKP3", "ASKP4", "ASKP5",
    "ASKP6", "ASKP7", "ASKP8", "ASKP9", "ASKP10", "BIDP1", "BIDP2", "BIDP3", "BIDP4", "BIDP5",
    "BIDP6", "BIDP7", "BIDP8", "BIDP9", "BIDP10", "ASKP_RSQN1", "ASKP_RSQN2", "ASKP_RSQN3",
    "ASKP_RSQN4", "ASKP_RSQN5", "ASKP_RSQN6", "ASKP_RSQN7", "ASKP_RSQN8", "ASKP_RSQN9",
    "ASKP_RSQN10", "BIDP_RSQN1", "BIDP_RSQN2", "BIDP_RSQN3", "BIDP_RSQN4", "BIDP_RSQN5",
    "BIDP_RSQN6", "BIDP_RSQN7", "BIDP_RSQN8", "BIDP_RSQN9", "BIDP_RSQN10", "TOTAL_ASKP_RSQN",
    "TOTAL_BIDP_RSQN", "OVTM_TOTAL_ASKP_RSQN", "OVTM_TOTAL_BIDP_RSQN", "ANTC_CNPR", "ANTC_CNQN",
    "ANTC_VOL", "ANTC_CNTG_VRSS", "ANTC_CNTG_VRSS_SIGN", "ANTC_CNTG_PRDY_CTRT", "ACML_VOL",
    "TOTAL_ASKP_RSQN_ICDC", "TOTAL_BIDP_RSQN_ICDC", "OVTM_TOTAL_ASKP_ICDC", "OVTM_TOTAL_BIDP_ICDC",
    "STCK_DEAL_CLS_CODE", "KMID_PRC", "KMID_TOTAL_RSQN", "KMID_CLS_CODE", "NMID_PRC",
    "NMID_TOTAL_RSQN", "NMID_CLS_CODE", "ANTC_EXCH_CLS_CODE",
};
static const char form2_kinds[] =
    "stieiddiiiiiiiiiiidiieddteiteiteiseeiiiidddddddddddddddddiddidi";
static const char *const form2_names[] = {
    "MKSC_SHRN_ISCD", "STCK_CNTG_HOUR", "STCK_PRPR", "PRDY_VRSS_SIGN", "PRDY_VRSS", "PRDY_CTRT",
    "WGHN_AVRG_STCK_PRC", "STCK_OPRC", "STCK_HGPR", "STCK_LWPR", "ASKP1", "BIDP1", "CNTG_VOL",
    "ACML_VOL", "ACML_TR_PBMN", "SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "NTBY_CNTG_CSNU", "CTTR",
    "SELN_CNTG_SMTN", "SHNU_CNTG_SMTN", "CNTG_CLS_CODE", "SHNU_RATE", "PRDY_VOL_VRSS_ACML_VOL_RATE",
    "OPRC_HOUR", "OPRC_VRSS_PRPR_SIGN", "OPRC_VRSS_PRPR", "HGPR_HOUR", "HGPR_VRSS_PRPR_SIGN",
    "HGPR_VRSS_PRPR", "LWPR_HOUR", "LWPR_VRSS_PRPR_SIGN", "LWPR_VRSS_PRPR", "BSOP_DATE",
    "NEW_MKOP_CLS_CODE", "TRHT_YN", "ASKP_RSQN1", "BIDP_RSQN1", "TOTAL_ASKP_RSQN",
    "TOTAL_BIDP_RSQN", "TMVL_VAL", "PRIT", "PRMM_VAL", "GEAR", "PRLS_QRYR_RATE", "INVL_VAL",
    "PRMM_RATE", "CFP", "LVRG_VAL", "DELTA", "GAMA", "VEGA", "THETA", "RHO", "HTS_INTS_VLTL",
    "HTS_THPR", "VOL_TNRT", "PRDY_SMNS_HOUR_ACML_VOL", "PRDY_SMNS_HOUR_ACML_VOL_RATE",
    "APPRCH_RATE", "LP_HVOL", "LP_HLDN_RATE", "LP_NTBY_QTY",
};
static const char form3_kinds[] =
    "steiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiediiiiieiiee";
static const char *const form3_names[] = {
    "MKSC_SHRN_ISCD", "BSOP_HOUR", "HOUR_CLS_CODE", "ASKP1", "ASKP2", "ASKP3", "ASKP4", "ASKP5",
    "ASKP6", "ASKP7", "ASKP8", "ASKP9", "ASKP10", "BIDP1", "BIDP2", "BIDP3", "BIDP4", "BIDP5",
    "BIDP6", "BIDP7", "BIDP8", "BIDP9", "BIDP10", "ASKP_RSQN1", "ASKP_RSQN2", "ASKP_RSQN3",
    "ASKP_RSQN4", "ASKP_RSQN5", "ASKP_RSQN6", "ASKP_RSQN7", "ASKP_RSQN8", "ASKP_RSQN9",
    "ASKP_RSQN10", "BIDP_RSQN1", "BIDP_RSQN2", "BIDP_RSQN3", "BIDP_RSQN4", "BIDP_RSQN5",
    "BIDP_RSQN6", "BIDP_RSQN7", "BIDP_RSQN8", "BIDP_RSQN9", "BIDP_RSQN10", "TOTAL_ASKP_RSQN",
    "TOTAL_BIDP_RSQN", "OVTM_TOTAL_ASKP_RSQN", "OVTM_TOTAL_BIDP_RSQN", "ANTC_CNPR", "ANTC_CNQN",
    "ANTC_VOL", "ANTC_CNTG_VRSS", "ANTC_CNTG_VRSS_SIGN", "ANTC_CNTG_PRDY_CTRT", "ACML_VOL",
    "TOTAL_ASKP_RSQN_ICDC", "TOTAL_BIDP_RSQN_ICDC", "OVTM_TOTAL_ASKP_ICDC", "OVTM_TOTAL_BIDP_ICDC",
    "STCK_DEAL_CLS_CODE", "MID_PRC", "MIDP_TOTAL_RSQN", "MIDP_CLS_CODE", "MARKET_CLS_CODE",
};
static const char form4_kinds[] =
    "steiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiediiiiieiie";
static const char *const form4_names[] = {
    "MKSC_SHRN_ISCD", "BSOP_HOUR", "HOUR_CLS_CODE", "ASKP1", "ASKP2", "ASKP3", "ASKP4", "ASKP5",
    "ASKP6", "ASKP7", "ASKP8", "ASKP9", "ASKP10", "BIDP1", "BIDP2", "BIDP3", "BIDP4", "BIDP5",
    "BIDP6", "BIDP7", "BIDP8", "BIDP9", "BIDP10", "ASKP_RSQN1", "ASKP_RSQN2", "ASKP_RSQN3",
    "ASKP_RSQN4", "ASKP_RSQN5", "ASKP_RSQN6", "ASKP_RSQN7", "ASKP_RSQN8", "ASKP_RSQN9",
    "ASKP_RSQN10", "BIDP_RSQN1", "BIDP_RSQN2", "BIDP_RSQN3", "BIDP_RSQN4", "BIDP_RSQN5",
    "BIDP_RSQN6", "BIDP_RSQN7", "BIDP_RSQN8", "BIDP_RSQN9", "BIDP_RSQN10", "TOTAL_ASKP_RSQN",
    "TOTAL_BIDP_RSQN", "OVTM_TOTAL_ASKP_RSQN", "OVTM_TOTAL_BIDP_RSQN", "ANTC_CNPR", "ANTC_CNQN",
    "ANTC_VOL", "ANTC_CNTG_VRSS", "ANTC_CNTG_VRSS_SIGN", "ANTC_CNTG_PRDY_CTRT", "ACML_VOL",
    "TOTAL_ASKP_RSQN_ICDC", "TOTAL_BIDP_RSQN_ICDC", "OVTM_TOTAL_ASKP_ICDC", "OVTM_TOTAL_BIDP_ICDC",
    "STCK_DEAL_CLS_CODE", "NMID_PRC", "NMID_TOTAL_RSQN", "NMID_CLS_CODE",
};
static const char form5_kinds[] =
    "stieiddiiiiiiiiiiidiieddteiteiteiseeiiiidddddddddddddddddid";
static const char *const form5_names[] = {
    "MKSC_SHRN_ISCD", "STCK_CNTG_HOUR", "STCK_PRPR", "PRDY_VRSS_SIGN", "PRDY_VRSS", "PRDY_CTRT",
    "WGHN_AVRG_STCK_PRC", "STCK_OPRC", "STCK_HGPR", "STCK_LWPR", "ASKP1", "BIDP1", "CNTG_VOL",
    "ACML_VOL", "ACML_TR_PBMN", "SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "NTBY_CNTG_CSNU", "CTTR",
    "SELN_CNTG_SMTN", "SHNU_CNTG_SMTN", "CNTG_CLS_CODE", "SHNU_RATE", "PRDY_VOL_VRSS_ACML_VOL_RATE",
    "OPRC_HOUR", "OPRC_VRSS_PRPR_SIGN", "OPRC_VRSS_PRPR", "HGPR_HOUR", "HGPR_VRSS_PRPR_SIGN",
    "HGPR_VRSS_PRPR", "LWPR_HOUR", "LWPR_VRSS_PRPR_SIGN", "LWPR_VRSS_PRPR", "BSOP_DATE",
    "NEW_MKOP_CLS_CODE", "TRHT_YN", "ASKP_RSQN1", "BIDP_RSQN1", "TOTAL_ASKP_RSQN",
    "TOTAL_BIDP_RSQN", "TMVL_VAL", "PRIT", "PRMM_VAL", "GEAR", "PRLS_QRYR_RATE", "INVL_VAL",
    "PRMM_RATE", "CFP", "LVRG_VAL", "DELTA", "GAMA", "VEGA", "THETA", "RHO", "HTS_INTS_VLTL",
    "HTS_THPR", "VOL_TNRT", "LP_HVOL", "LP_HLDN_RATE",
};
static const char form6_kinds[] =
    "steiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiediiiii";
static const char *const form6_names[] = {
    "MKSC_SHRN_ISCD", "BSOP_HOUR", "HOUR_CLS_CODE", "ASKP1", "ASKP2", "ASKP3", "ASKP4", "ASKP5",
    "ASKP6", "ASKP7", "ASKP8", "ASKP9", "BIDP1", "BIDP2", "BIDP3", "BIDP4", "BIDP5", "BIDP6",
    "BIDP7", "BIDP8", "BIDP9", "ASKP_RSQN1", "ASKP_RSQN2", "ASKP_RSQN3", "ASKP_RSQN4", "ASKP_RSQN5",
    "ASKP_RSQN6", "ASKP_RSQN7", "ASKP_RSQN8", "ASKP_RSQN9", "BIDP_RSQN1", "BIDP_RSQN2",
    "BIDP_RSQN3", "BIDP_RSQN4", "BIDP_RSQN5", "BIDP_RSQN6", "BIDP_RSQN7", "BIDP_RSQN8",
    "BIDP_RSQN9", "TOTAL_ASKP_RSQN", "TOTAL_BIDP_RSQN", "OVTM_TOTAL_ASKP_RSQN",
    "OVTM_TOTAL_BIDP_RSQN", "ANTC_CNPR", "ANTC_CNQN", "ANTC_VOL", "ANTC_CNTG_VRSS",
    "ANTC_CNTG_VRSS_SIGN", "ANTC_CNTG_PRDY_CTRT", "ACML_VOL", "TOTAL_ASKP_RSQN_ICDC",
    "TOTAL_BIDP_RSQN_ICDC", "OVTM_TOTAL_ASKP_ICDC", "OVTM_TOTAL_BIDP_ICDC",
};
static const char form7_kinds[] =
    "stieiddiiiiiiiiiiidiieddteiteiteiseeiiiidideeie";
static const char *const form7_names[] = {
    "MKSC_SHRN_ISCD", "STCK_CNTG_HOUR", "STCK_PRPR", "PRDY_VRSS_SIGN", "PRDY_VRSS", "PRDY_CTRT",
    "WGHN_AVRG_STCK_PRC", "STCK_OPRC", "STCK_HGPR", "STCK_LWPR", "ASKP1", "BIDP1", "CNTG_VOL",
    "ACML_VOL", "ACML_TR_PBMN", "SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "NTBY_CNTG_CSNU", "CTTR",
    "SELN_CNTG_SMTN", "SHNU_CNTG_SMTN", "CCLD_DVSN", "SHNU_RATE", "PRDY_VOL_VRSS_ACML_VOL_RATE",
    "OPRC_HOUR", "OPRC_VRSS_PRPR_SIGN", "OPRC_VRSS_PRPR", "HGPR_HOUR", "HGPR_VRSS_PRPR_SIGN",
    "HGPR_VRSS_PRPR", "LWPR_HOUR", "LWPR_VRSS_PRPR_SIGN", "LWPR_VRSS_PRPR", "BSOP_DATE",
    "NEW_MKOP_CLS_CODE", "TRHT_YN", "ASKP_RSQN1", "BIDP_RSQN1", "TOTAL_ASKP_RSQN",
    "TOTAL_BIDP_RSQN", "VOL_TNRT", "PRDY_SMNS_HOUR_ACML_VOL", "PRDY_SMNS_HOUR_ACML_VOL_RATE",
    "HOUR_CLS_CODE", "MRKT_TRTM_CLS_CODE", "VI_STND_PRC", "MARKET_CLS_CODE",
};
static const char form8_kinds[] =
    "stieiddiiiiiiiiiiidiieddteiteiteiseeiiiidideeie";
static const char *const form8_names[] = {
    "MKSC_SHRN_ISCD", "STCK_CNTG_HOUR", "STCK_PRPR", "PRDY_VRSS_SIGN", "PRDY_VRSS", "PRDY_CTRT",
    "WGHN_AVRG_STCK_PRC", "STCK_OPRC", "STCK_HGPR", "STCK_LWPR", "ASKP1", "BIDP1", "CNTG_VOL",
    "ACML_VOL", "ACML_TR_PBMN", "SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "NTBY_CNTG_CSNU", "CTTR",
    "SELN_CNTG_SMTN", "SHNU_CNTG_SMTN", "CNTG_CLS_CODE", "SHNU_RATE", "PRDY_VOL_VRSS_ACML_VOL_RATE",
    "OPRC_HOUR", "OPRC_VRSS_PRPR_SIGN", "OPRC_VRSS_PRPR", "HGPR_HOUR", "HGPR_VRSS_PRPR_SIGN",
    "HGPR_VRSS_PRPR", "LWPR_HOUR", "LWPR_VRSS_PRPR_SIGN", "LWPR_VRSS_PRPR", "BSOP_DATE",
    "NEW_MKOP_CLS_CODE", "TRHT_YN", "ASKP_RSQN1", "BIDP_RSQN1", "TOTAL_ASKP_RSQN",
    "TOTAL_BIDP_RSQN", "VOL_TNRT", "PRDY_SMNS_HOUR_ACML_VOL", "PRDY_SMNS_HOUR_ACML_VOL_RATE",
    "HOUR_CLS_CODE", "MRKT_TRTM_CLS_CODE", "VI_STND_PRC", "MARKET_CLS_CODE",
};
static const char form9_kinds[] =
    "stieiddiiiiiiiiiiidiieddteiteiteiseeiiiidideeii";
static const char *const form9_names[] = {
    "MKSC_SHRN_ISCD", "STCK_CNTG_HOUR", "STCK_PRPR", "PRDY_VRSS_SIGN", "PRDY_VRSS", "PRDY_CTRT",
    "WGHN_AVRG_STCK_PRC", "STCK_OPRC", "STCK_HGPR", "STCK_LWPR", "ASKP1", "BIDP1", "CNTG_VOL",
    "ACML_VOL", "ACML_TR_PBMN", "SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "NTBY_CNTG_CSNU", "CTTR",
    "SELN_CNTG_SMTN", "SHNU_CNTG_SMTN", "CNTG_CLS_CODE", "SHNU_RATE", "PRDY_VOL_VRSS_ACML_VOL_RATE",
    "OPRC_HOUR", "OPRC_VRSS_PRPR_SIGN", "OPRC_VRSS_PRPR", "HGPR_HOUR", "HGPR_VRSS_PRPR_SIGN",
    "HGPR_VRSS_PRPR", "LWPR_HOUR", "LWPR_VRSS_PRPR_SIGN", "LWPR_VRSS_PRPR", "BSOP_DATE",
    "NEW_MKOP_CLS_CODE", "TRHT_YN", "ASKP_RSQN1", "BIDP_RSQN1", "TOTAL_ASKP_RSQN",
    "TOTAL_BIDP_RSQN", "VOL_TNRT", "PRDY_SMNS_HOUR_ACML_VOL", "PRDY_SMNS_HOUR_ACML_VOL_RATE",
    "HOUR_CLS_CODE", "MRKT_TRTM_CLS_CODE", "VI_STND_PRC", "DUMMY",
};
static const char form10_kinds[] =
    "stieiddiiiiiiiiiiidiieddteiteiteiseeiiiidideei";
static const char *const form10_names[] = {
    "MKSC_SHRN_ISCD", "STCK_CNTG_HOUR", "STCK_PRPR", "PRDY_VRSS_SIGN", "PRDY_VRSS", "PRDY_CTRT",
    "WGHN_AVRG_STCK_PRC", "STCK_OPRC", "STCK_HGPR", "STCK_LWPR", "ASKP1", "BIDP1", "CNTG_VOL",
    "ACML_VOL", "ACML_TR_PBMN", "SELN_CNTG_CSNU", "SHNU_CNTG_CSNU", "NTBY_CNTG_CSNU", "CTTR",
    "SELN_CNTG_SMTN", "SHNU_CNTG_SMTN", "CNTG_CLS_CODE", "SHNU_RATE", "PRDY_VOL_VRSS_ACML_VOL_RATE",
    "OPRC_HOUR", "OPRC_VRSS_PRPR_SIGN", "OPRC_VRSS_PRPR", "HGPR_HOUR", "HGPR_VRSS_PRPR_SIGN",
    "HGPR_VRSS_PRPR", "LWPR_HOUR", "LWPR_VRSS_PRPR_SIGN", "LWPR_VRSS_PRPR", "BSOP_DATE",
    "NEW_MKOP_CLS_CODE", "TRHT_YN", "ASKP_RSQN1", "BIDP_RSQN1", "TOTAL_ASKP_RSQN",
    "TOTAL_BIDP_RSQN", "VOL_TNRT", "PRDY_SMNS_HOUR_ACML_VOL", "PRDY_SMNS_HOUR_ACML_VOL_RATE",
    "HOUR_CLS_CODE", "MRKT_TRTM_CLS_CODE", "DUMMY",
};
static const char form11_kinds[] =
    "etdediiiidddddedededddiiiiiiid";
static const char *const form11_names[] = {
    "BSTP_CLS_CODE", "BSOP_HOUR", "PRPR_NMIX", "PRDY_VRSS_SIGN", "BSTP_NMIX_PRDY_VRSS", "ACML_VOL",
    "ACML_TR_PBMN", "PCAS_VOL", "PCAS_TR_PBMN", "PRDY_CTRT", "OPRC_NMIX", "NMIX_HGPR", "NMIX_LWPR",
    "OPRC_VRSS_NMIX_PRPR", "OPRC_VRSS_NMIX_SIGN", "HGPR_VRSS_NMIX_PRPR", "HGPR_VRSS_NMIX_SIGN",
    "LWPR_VRSS_NMIX_PRPR", "LWPR_VRSS_NMIX_SIGN", "PRDY_CLPR_VRSS_OPRC_RATE",
    "PRDY_CLPR_VRSS_HGPR_RATE", "PRDY_CLPR_VRSS_LWPR_RATE", "UPLM_ISSU_CNT", "ASCN_ISSU_CNT",
    "STNR_ISSU_CNT", "DOWN_ISSU_CNT", "LSLM_ISSU_CNT", "QTQT_ASCN_ISSU_CNT", "QTQT_DOWN_ISSU_CNT",
    "TICK_VRSS",
};
static const char form12_kinds[] =
    "sssseeeesiiteeesisieesessi";
static const char *const form12_names[] = {
    "CUST_ID", "ACNT_NO", "ODER_NO", "OODER_NO", "SELN_BYOV_CLS", "RCTF_CLS", "ODER_KIND",
    "ODER_COND", "STCK_SHRN_ISCD", "CNTG_QTY", "CNTG_UNPR", "STCK_CNTG_HOUR", "RFUS_YN", "CNTG_YN",
    "ACPT_YN", "BRNC_NO", "ODER_QTY", "ACNT_NAME", "ORD_COND_PRC", "ORD_EXG_GB", "POPUP_YN",
    "FILLER", "CRDT_CLS", "CRDT_LOAN_DATE", "CNTG_ISNM40", "ODER_PRC",
};
static const char form13_kinds[] =
    "ssisststddddeddddiiiiiiide";
static const char *const form13_names[] = {
    "RSYM", "SYMB", "ZDIV", "TYMD", "XYMD", "XHMS", "KYMD", "KHMS", "OPEN", "HIGH", "LOW", "LAST",
    "SIGN", "DIFF", "RATE", "PBID", "PASK", "VBID", "VASK", "EVOL", "TVOL", "TAMT", "BIVL", "ASVL",
    "STRN", "MTYP",
};
static const char form14_kinds[] =
    "sssseeesidteeesisseestted";
static const char *const form14_names[] = {
    "CUST_ID", "ACNT_NO", "ODER_NO", "OODER_NO", "SELN_BYOV_CLS", "RCTF_CLS", "ODER_KIND2",
    "STCK_SHRN_ISCD", "CNTG_QTY", "CNTG_UNPR", "STCK_CNTG_HOUR", "RFUS_YN", "CNTG_YN", "ACPT_YN",
    "BRNC_NO", "ODER_QTY", "ACNT_NAME", "CNTG_ISNM", "ODER_COND", "DEBT_GB", "DEBT_DATE",
    "START_TM", "END_TM", "TM_DIV_TP", "CNTG_UNPR12",
};
static const char form15_kinds[] =
    "sssseeeesiiteeesissessi";
static const char *const form15_names[] = {
    "CUST_ID", "ACNT_NO", "ODER_NO", "OODER_NO", "SELN_BYOV_CLS", "RCTF_CLS", "ODER_KIND",
    "ODER_COND", "STCK_SHRN_ISCD", "CNTG_QTY", "CNTG_UNPR", "STCK_CNTG_HOUR", "RFUS_YN", "CNTG_YN",
    "ACPT_YN", "BRNC_NO", "ODER_QTY", "ACNT_NAME", "VENUE_POPUP", "CRDT_CLS", "CRDT_LOAN_DATE",
    "CNTG_ISNM40", "ODER_PRC",
};
static const char form16_kinds[] =
    "ssiststiiiiddiiii";
static const char *const form16_names[] = {
    "RSYM", "SYMB", "ZDIV", "XYMD", "XHMS", "KYMD", "KHMS", "BVOL", "AVOL", "BDVL", "ADVL", "PBID1",
    "PASK1", "VBID1", "VASK1", "DBID1", "DASK1",
};
static const char form17_kinds[] =
    "siststiiiiddiiii";
static const char *const form17_names[] = {
    "SYMB", "ZDIV", "XYMD", "XHMS", "KYMD", "KHMS", "BVOL", "AVOL", "BDVL", "ADVL", "PBID1",
    "PASK1", "VBID1", "VASK1", "DBID1", "DASK1",
};
static const char form18_kinds[] =
    "etdediiiidiiiii";
static const char *const form18_names[] = {
    "BSTP_CLS_CODE", "BSOP_HOUR", "PRPR_NMIX", "PRDY_VRSS_SIGN", "BSTP_NMIX_PRDY_VRSS", "ACML_VOL",
    "ACML_TR_PBMN", "PCAS_VOL", "PCAS_TR_PBMN", "PRDY_CTRT", "UPLM_ISSU_CNT", "ASCN_ISSU_CNT",
    "STNR_ISSU_CNT", "DOWN_ISSU_CNT", "LSLM_ISSU_CNT",
};
static const char form19_kinds[] =
    "seseeeeeeee";
static const char *const form19_names[] = {
    "MKSC_SHRN_ISCD", "TRHT_YN", "TR_SUSP_REAS_CNTT", "MKOP_CLS_CODE", "ANTC_MKOP_CLS_CODE",
    "MRKT_TRTM_CLS_CODE", "DIVI_APP_CLS_CODE", "ISCD_STAT_CLS_CODE", "VI_CLS_CODE",
    "OVTM_VI_CLS_CODE", "EXCH_CLS_CODE",
};
static const char form20_kinds[] =
    "stiiiiiiiii";
static const char *const form20_names[] = {
    "MKSC_SHRN_ISCD", "STCK_CNTG_HOUR", "SELN_CNQN", "SELN_TR_PBMN", "SHNU_CNQN", "SHNU_TR_PBMN",
    "NTBY_CNQN", "NTBY_TR_PBMN", "SELN_RSQN", "SHNU_RSQN", "WHOL_NTBY_QTY",
};

static const aegis_table aegis_tables[AEGIS_TABLE_COUNT] = {
    {"H0STCNT0", 0, 2, {
        {46, 46, form7_kinds, form7_names},
        {47, 47, form7_kinds, form7_names},
    }},
    {"H0NXCNT0", 0, 2, {
        {46, 46, form8_kinds, form8_names},
        {47, 47, form8_kinds, form8_names},
    }},
    {"H0UNCNT0", 0, 2, {
        {46, 46, form8_kinds, form8_names},
        {47, 47, form8_kinds, form8_names},
    }},
    {"H0EWCNT0", 0, 1, {
        {63, 63, form2_kinds, form2_names},
    }},
    {"H0STASP0", 0, 3, {
        {59, 59, form1_kinds, form1_names},
        {62, 62, form3_kinds, form3_names},
        {63, 63, form3_kinds, form3_names},
    }},
    {"H0NXASP0", 0, 2, {
        {62, 59, form4_kinds, form4_names},
        {65, 65, form1_kinds, form1_names},
    }},
    {"H0UNASP0", 0, 2, {
        {65, 65, form1_kinds, form1_names},
        {66, 66, form1_kinds, form1_names},
    }},
    {"H0EWASP0", 0, 1, {
        {73, 73, form0_kinds, form0_names},
    }},
    {"H0STCNI0", 1, 2, {
        {23, 18, form15_kinds, form15_names},
        {26, 26, form12_kinds, form12_names},
    }},
    {"H0STCNI9", 1, 2, {
        {23, 18, form15_kinds, form15_names},
        {26, 26, form12_kinds, form12_names},
    }},
    {"H0STANC0", 0, 2, {
        {45, 45, form8_kinds, form8_names},
        {46, 46, form10_kinds, form10_names},
    }},
    {"H0NXANC0", 0, 2, {
        {46, 46, form8_kinds, form8_names},
        {47, 47, form9_kinds, form9_names},
    }},
    {"H0UNANC0", 0, 2, {
        {46, 46, form8_kinds, form8_names},
        {47, 47, form9_kinds, form9_names},
    }},
    {"H0STMKO0", 0, 2, {
        {10, 10, form19_kinds, form19_names},
        {11, 11, form19_kinds, form19_names},
    }},
    {"H0NXMKO0", 0, 2, {
        {10, 10, form19_kinds, form19_names},
        {11, 11, form19_kinds, form19_names},
    }},
    {"H0UNMKO0", 0, 2, {
        {10, 10, form19_kinds, form19_names},
        {11, 11, form19_kinds, form19_names},
    }},
    {"H0STOUP0", 0, 1, {
        {43, 43, form8_kinds, form8_names},
    }},
    {"H0STOAC0", 0, 1, {
        {43, 43, form8_kinds, form8_names},
    }},
    {"H0STOAA0", 0, 2, {
        {54, 12, form6_kinds, form6_names},
        {58, 58, form1_kinds, form1_names},
    }},
    {"H0EWANC0", 0, 1, {
        {59, 59, form5_kinds, form5_names},
    }},
    {"H0UPCNT0", 0, 1, {
        {30, 30, form11_kinds, form11_names},
    }},
    {"H0UPANC0", 0, 2, {
        {15, 10, form18_kinds, form18_names},
        {30, 30, form11_kinds, form11_names},
    }},
    {"H0STPGM0", 0, 1, {
        {11, 11, form20_kinds, form20_names},
    }},
    {"HDFSCNT0", 0, 1, {
        {26, 26, form13_kinds, form13_names},
    }},
    {"HDFSASP0", 0, 2, {
        {16, 0, form17_kinds, form17_names},
        {17, 17, form16_kinds, form16_names},
    }},
    {"H0GSCNI0", 1, 1, {
        {25, 25, form14_kinds, form14_names},
    }},
    {"H0GSCNI9", 1, 1, {
        {25, 25, form14_kinds, form14_names},
    }},
    {"H0NXPGM0", 0, 1, {
        {11, 11, form20_kinds, form20_names},
    }},
    {"H0UNPGM0", 0, 1, {
        {11, 11, form20_kinds, form20_names},
    }},
};

_Static_assert(AEGIS_TABLE_COUNT == 29, "table_reader.h counts other TRs");
_Static_assert(AEGIS_MOST_VALUES == 73, "table_reader.h holds other records");

#endif
